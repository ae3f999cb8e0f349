"""Fields that follow the scene: a widget shows what the scene says, and what the user changes goes into the scene."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

T = TypeVar("T")
FINISHED = "runs:finished"  # in the session's state


def follow(key: str, value: T) -> str:
    """Let the widget of this key show `value`, unless it is the user who has just changed it; returns the key.

    Streamlit keeps a widget's own value from run to run. It is set anew where the scene's has changed since the last
    run and the widget's has not: two changes by the user in a row must not undo each other, and a text that could not
    be used stays there to be mended. It is set until a run has come to its end: of one that was interrupted the browser
    may know nothing, and would give the widget the first of its values.
    """
    seen, since, state = f"{key}:seen", f"{key}:since", st.session_state
    last_value, last_shown = state.get(seen, (None, None))
    changed_elsewhere = value != last_value and state.get(key) == last_shown
    runs = state.get(FINISHED, 0)
    is_undelivered = state.get(since) == runs and state.get(key) == last_shown == value
    if key not in state or changed_elsewhere or is_undelivered:
        state[key] = value
        state[since] = runs
    state[seen] = value, state[key]
    return key


def run_finished() -> None:
    """Say that a run of a page has come to its end, so that the browser has all that it has set."""
    st.session_state[FINISHED] = st.session_state.get(FINISHED, 0) + 1
