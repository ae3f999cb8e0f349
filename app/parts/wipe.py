"""Pairs of pictures, one over the other, parted by a line that is dragged, touched, or moved by keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.parts.curve import Moved
from app.parts.faces import answered
from app.parts.files import component, nothing

_wipe = component("wipe")


@dataclass(frozen=True)
class Sides:
    """One face, by name, as two PNG files of one size."""

    name: str
    left: bytes
    right: bytes


def moved(key: str) -> float | None:
    """Return where the line came to rest in this run, as a share of the width; what is no share is none."""
    state = st.session_state.get(key)
    share = state.get("moved") if isinstance(state, Mapping) else None
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        return None
    return float(share)


def wipe(faces: Sequence[Sides], names: tuple[str, str], share: float, key: str, event: Moved | None = None) -> None:
    """Draw the pairs; `names`: of the left and the right pictures; `share`: where the line stands at first.

    `event` is what they answer, a move that changes the right pictures alone: while it goes on the left ones, which the
    browser has, are not sent again (it asks for them if it has them not), and the browser tells the time that went by.
    """
    is_moving = event is not None and not event.final
    event = answered(key, event)
    pairs = [
        {"name": face.name, "left": None if is_moving else _text(face.left), "right": _text(face.right)}
        for face in faces
    ]
    data = {
        "pairs": pairs,
        "held": hashlib.sha256(b"".join(face.left for face in faces)).hexdigest(),
        "left": names[0],
        "right": names[1],
        "share": share,
        "at": None if event is None else event.at,
        "number": None if event is None else event.number,
    }
    _wipe(key=key, data=data, on_moved_change=nothing, on_left_change=nothing)


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
