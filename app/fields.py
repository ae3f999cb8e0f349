"""Fields that follow the scene: a widget shows what the scene says, and what the user changes goes into the scene."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def follow(key: str, value: T) -> str:
    """Let the widget of this key show `value`, unless it is the user who has just changed it; returns the key.

    Streamlit keeps a widget's own value from run to run; it is set anew only when the scene's has changed elsewhere.
    """
    shown = f"{key}:shown"
    if key not in st.session_state or st.session_state.get(shown) != value:
        st.session_state[key] = value
        st.session_state[shown] = value
    return key
