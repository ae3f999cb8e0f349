"""A photo and its redrawn parts, wiped from one to the other; how long it took, by the browser's own clock."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

import streamlit as st

from app.parts.curve import Moved
from app.parts.faces import answered
from app.parts.files import component, nothing
from blendgan.images import png_bytes
from blendgan.live_photo import Patch

_photo = component("photo")


def photo(picture: bytes, patches: Sequence[Patch], alt: str, key: str, event: Moved | None) -> None:
    """Draw the photo, a PNG file, and over it its patches.

    While the browser has the photo, only the patches are sent. `event` is what they answer: the browser tells the time
    that went by since.
    """
    event = answered(key, event)
    state, name = st.session_state.get(key), hashlib.sha256(picture).hexdigest()
    held = isinstance(state, Mapping) and state.get("held") == name
    data = {
        "key": name,
        "photo": None if held else _text(picture),
        "patches": [
            {"left": patch.box[0], "top": patch.box[1], "picture": _text(png_bytes(patch.picture))} for patch in patches
        ],
        "alt": alt,
        "at": None if event is None else event.at,
        "number": None if event is None else event.number,
    }
    _photo(key=key, data=data, on_held_change=nothing)


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
