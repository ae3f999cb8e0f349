"""What a browser sends about a sheet's cells is not trusted."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("sent", "chosen", "had"),
    [
        ({"chosen": {"id": "s", "place": 3}}, 3, 0),
        ({"chosen": {"id": "s", "place": 4}}, None, 0),
        ({"chosen": {"id": "s", "place": -1}}, None, 0),
        ({"chosen": {"id": "s", "place": True}}, None, 0),
        ({"chosen": {"id": "s", "place": "3"}}, None, 0),
        ({"chosen": {"id": "other", "place": 1}}, None, 0),
        ({"chosen": 3}, None, 0),
        ({"more": {"id": "s", "have": 4}}, None, 4),
        ({"more": {"id": "s", "have": 5}}, None, 0),
        ({"more": {"id": "other", "have": 2}}, None, 0),
        ("text", None, 0),
    ],
)
def test_events_of_another_form_are_none(monkeypatch, sent, chosen, had):
    st = pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")
    from app.parts import cells

    monkeypatch.setattr(st, "session_state", {"cells": sent})
    assert cells.chosen("cells", "s", 4) == chosen
    assert cells.had("cells", "s", 4) == had
