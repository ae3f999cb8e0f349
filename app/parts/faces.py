"""Rows of faces, and how long a picture took from the event to the screen, by the browser's own clock."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.parts.curve import Moved
from app.parts.files import component, nothing

_faces = component("faces")


@dataclass(frozen=True)
class Row:
    """A caption, PNG files, and what each shows; pictures None: those that the browser has already."""

    name: str
    pictures: tuple[bytes, ...] | None
    alts: tuple[str, ...]


def faces(rows: Sequence[Row], key: str, event: Moved | None, *, complete: bool) -> None:
    """Draw the rows. Unless they are `complete`, the browser asks for the rest when no new event has come.

    `event` is what they answer: the browser knows when it was, and tells the time that went by.
    """
    event = answered(key, event)
    data = {
        "rows": [
            {"name": row.name, "pictures": row.pictures and [_text(p) for p in row.pictures], "alts": list(row.alts)}
            for row in rows
        ],
        "at": None if event is None else event.at,
        "number": None if event is None else event.number,
        "complete": complete,
    }
    _faces(key=key, data=data, on_more_change=nothing)


def answered(key: str, event: Moved | None) -> Moved | None:
    """Return the move that this run answers: also the whole page's run that follows on one that was let go.

    Where both come to the browser in one go it draws the second alone, and would never tell the time.
    """
    place = f"{key}:let-go"
    before: Moved | None = st.session_state.pop(place, None)
    if event is not None and event.final:
        st.session_state[place] = event
    return before if event is None else event


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
