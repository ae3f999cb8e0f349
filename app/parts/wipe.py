"""Pairs of pictures, one over the other, parted by a line that is dragged, touched, or moved by keys."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

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


def wipe(faces: Sequence[Sides], names: tuple[str, str], share: float, key: str) -> None:
    """Draw the pairs; `names`: of the left and the right pictures; `share`: where the line stands at first."""
    pairs = [{"name": face.name, "left": _text(face.left), "right": _text(face.right)} for face in faces]
    data = {"pairs": pairs, "left": names[0], "right": names[1], "share": share}
    _wipe(key=key, data=data, on_moved_change=nothing)


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
