"""Fields that follow the scene: a widget shows what the scene says, and what the user changes goes into the scene."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def follow(key: str, value: T) -> str:
    """Let the widget of this key show `value`, unless it is the user who has just changed it; returns the key.

    Streamlit keeps a widget's own value from run to run. It is set anew where the scene's has changed since the last
    run and the widget's has not: two changes by the user in a row must not undo each other, and a text that could not
    be used stays there to be mended.
    """
    seen, state = f"{key}:seen", st.session_state
    last_value, last_shown = state.get(seen, (None, None))
    changed_elsewhere = value != last_value and state.get(key) == last_shown
    if key not in state or changed_elsewhere:
        state[key] = value
    state[seen] = value, state[key]
    return key
