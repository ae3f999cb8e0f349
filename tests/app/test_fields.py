"""A field follows the scene, and the user's changes are never lost."""

from __future__ import annotations

import pytest

SCRIPT = """
import streamlit as st
from app.fields import follow

number = st.number_input("Number", 0, 9, key=follow("number", st.session_state.get("scene", 1)))
if number != 7:  # which the page does not take
    st.session_state["scene"] = number
if st.button("elsewhere"):
    st.session_state["scene"] = 5
st.text(st.session_state["scene"])
"""


@pytest.fixture
def page():
    testing = pytest.importorskip("streamlit.testing.v1", reason="the explorer needs streamlit: blendgan[app]")
    return testing.AppTest.from_string(SCRIPT, default_timeout=60).run()


def scene(page) -> str:
    return page.text[0].value


def test_changes_in_a_row_all_count(page):
    for value in (2, 3, 4, 3):
        page.number_input[0].set_value(value).run()
        assert (scene(page), page.number_input[0].value) == (str(value), value)


def test_a_change_elsewhere_shows_and_the_next_one_counts(page):
    page.number_input[0].set_value(2).run()
    page.button[0].click().run()
    page.run()
    assert (scene(page), page.number_input[0].value) == ("5", 5)
    page.number_input[0].set_value(6).run()
    assert scene(page) == "6"


def test_a_value_is_set_until_a_run_has_come_to_its_end(monkeypatch):
    """Streamlit sends what is set in the session's state, and nothing of what only stands there."""
    fields = pytest.importorskip("app.fields", reason="the explorer needs streamlit: blendgan[app]")

    class State(dict):
        def __setitem__(self, key, value):
            times.append(key) if key == "number" else None
            super().__setitem__(key, value)

    times, state = [], State()
    monkeypatch.setattr(fields.st, "session_state", state)
    for _ in range(2):  # the first is interrupted
        fields.follow("number", 3)
    assert times == ["number", "number"]
    fields.run_finished()
    fields.follow("number", 3)
    assert times == ["number", "number"]
    state["number"] = 4  # the user's
    fields.follow("number", 3)
    assert state["number"] == 4


def test_what_was_not_taken_stays_to_be_mended(page):
    page.number_input[0].set_value(7).run()
    assert (scene(page), page.number_input[0].value) == ("1", 7)
    page.run()
    assert page.number_input[0].value == 7
    page.number_input[0].set_value(8).run()
    assert scene(page) == "8"
