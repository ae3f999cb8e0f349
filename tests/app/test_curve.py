"""What a browser sends of the curve is not trusted; what is right moves the schedule."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", "1.51", reason="the explorer needs the extra `app`")

from app.parts import curve as module
from app.parts.curve import Moved, moved
from app.schedule_controls import dragged
from app.schedule_fields import KINDS, kind_of, shares, started
from blendgan.schedule import Band, Layers, Linear, Sigmoid, Swap, Table, Uniform

RIGHT = {"alphas": [0, 0.5, 1], "number": 3, "at": 12.5, "final": False}


@pytest.fixture
def state(monkeypatch):
    values = {}
    monkeypatch.setattr(module.st, "session_state", values)
    return values


def test_an_event_is_read_and_its_number_kept(state):
    state["c"] = {"moved": RIGHT}
    assert moved("c", 3) == Moved((0.0, 0.5, 1.0), 3, 12.5, False)
    assert state["c:echo"] == 3


@pytest.mark.parametrize(
    "event",
    [
        None,
        "drag",
        {},
        RIGHT | {"alphas": [0, 0.5]},
        RIGHT | {"alphas": [0, 0.5, 1.5]},
        RIGHT | {"alphas": [0, float("nan"), 1]},
        RIGHT | {"alphas": [0, "0.5", 1]},
        RIGHT | {"alphas": [0, True, 1]},
        RIGHT | {"number": "3"},
        RIGHT | {"at": None},
    ],
)
def test_an_event_of_another_form_is_none(state, event):
    state["c"] = {"moved": event}
    assert moved("c", 3) is None and "c:echo" not in state


def test_a_dragged_formula_becomes_a_table():
    assert dragged(Swap(8), (0.0, 0.5, 1.0), (4, 8, 16)) == Table({4: 0, 8: 0.5, 16: 1})
    assert dragged(Layers((1, 1)), (0.0, 0.5), (4, 8)) == Layers((0.0, 0.5))


@pytest.mark.parametrize(
    "old", [Swap(8, "high"), Sigmoid(8, 1), Linear(4, 16), Band(8, 1), Uniform(0.25), Layers((1,) * 6)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_starts_from_every_other(kind, old):
    new = started(kind, old, (4, 8, 16), (4, 8, 8, 16, 16, 16))
    assert kind_of(new) == kind


def test_a_table_starts_from_the_curve_that_is_there():
    old = Sigmoid(8, 1)
    assert shares(started("table", old, (4, 8, 16), ()), (4, 8, 16)) == shares(old, (4, 8, 16))
