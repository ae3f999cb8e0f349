"""The files of a component, as Streamlit takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer  # older versions have no name for it

HERE = Path(__file__).resolve().parent


def component(name: str) -> ComponentRenderer:
    """Register the component of `NAME.html`, `.css` and `.js` in this folder."""
    html, css, js = ((HERE / f"{name}.{ending}").read_text(encoding="utf-8") for ending in ("html", "css", "js"))
    return st.components.v2.component(f"blendgan.{name}", html=html, css=css, js=js)


def nothing() -> None:
    """A component's callback where the page reads the event itself; without one Streamlit drops events."""
