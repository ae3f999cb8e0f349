"""The numbers of each kind of schedule, as fields; and what a kind starts from when it is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.fields import follow
from blendgan.schedule import SIDES, Band, Layers, Linear, Schedule, Side, Sigmoid, Swap, Table, Uniform

SLIDER_PX = 220  # three of them beside the two pickers at 1280 px
WIDEST = 4.0  # octaves: from there on every curve is nearly flat
KINDS: dict[str, tuple[type[Schedule], str]] = {  # kind → class, what it is called
    "swap": (Swap, "Swap"),
    "sigmoid": (Sigmoid, "Sigmoid"),
    "linear": (Linear, "Linear"),
    "band": (Band, "Band"),
    "uniform": (Uniform, "Uniform"),
    "table": (Table, "Table"),
    "layers": (Layers, "Layers"),
}


def kind_of(schedule: Schedule) -> str:
    """Return the name of a schedule's kind."""
    return next(kind for kind, (one, _) in KINDS.items() if type(schedule) is one)


def started(kind: str, old: Schedule, resolutions: Sequence[int], layers: Sequence[int]) -> Schedule:
    """Return a schedule of a kind that was chosen: the old one's numbers where it has such.

    `layers`: the resolution in px of each style layer.
    """
    middle = getattr(old, "resolution", resolutions[(len(resolutions) - 1) // 2])
    side: Side = getattr(old, "transfer_gives", "low")
    starts: dict[str, Callable[[], Schedule]] = {
        "swap": lambda: Swap(middle, side),
        "sigmoid": lambda: Sigmoid(middle, 1.0, side),
        "linear": lambda: Linear(resolutions[0], resolutions[-1], side),
        "band": lambda: Band(middle, 1.0),
        "uniform": lambda: Uniform(0.5),
        "table": lambda: Table(dict(zip(resolutions, shares(old, resolutions), strict=True))),
        "layers": lambda: Layers(shares(old, layers)),
    }
    return starts[kind]()


def shares(schedule: Schedule, points: Sequence[int]) -> tuple[float, ...]:
    """Return α at each point: at each resolution, or for `Layers` at each style layer."""
    if isinstance(schedule, Layers):
        return tuple(schedule.alphas[min(i, len(schedule.alphas) - 1)] for i in range(len(points)))
    return tuple(schedule.alpha(resolution) for resolution in points)


def fields(schedule: Schedule, resolutions: Sequence[int], key: str) -> Schedule:
    """Show the schedule's own numbers, and return the schedule that they make."""
    match schedule:
        case Swap(resolution, side):
            return Swap(_resolution("Swap at", resolution, resolutions, key), _side(side, key))
        case Sigmoid(resolution, width, side):
            at = _resolution("Middle", resolution, resolutions, key)
            return Sigmoid(at, _width(width, key), _side(side, key))
        case Linear(first, last, side):
            return Linear(*_range(first, last, resolutions, key), _side(side, key))
        case Band(resolution, width, peak):
            at = _resolution("Middle", resolution, resolutions, key)
            return Band(at, _width(width, key), _share("Peak", peak, f"{key}:peak"))
        case Uniform(value):
            return Uniform(_share("Share of TRANSFER", value, f"{key}:alpha"))
        case _:
            st.caption("A share for each point of the curve.")
            return schedule


def _resolution(label: str, value: int, resolutions: Sequence[int], key: str) -> int:
    options = sorted({*resolutions, value})
    found: int = st.select_slider(label, options, width=SLIDER_PX, key=follow(f"{key}:at", value), format_func=_px)
    return found


def _range(first: int, last: int, resolutions: Sequence[int], key: str) -> tuple[int, int]:
    options = sorted({*resolutions, first, last})
    chosen: Any = st.select_slider(
        "From, to", options, width=SLIDER_PX, key=follow(f"{key}:range", (first, last)), format_func=_px
    )
    low, high = chosen
    return (low, high) if low < high else (first, last)  # both ends on one resolution are a swap, not a line


def _width(value: float, key: str) -> float:
    most = WIDEST if math.isinf(value) else max(WIDEST, value)
    found: float = st.slider(
        "Width, octaves", 0.0, most, key=follow(f"{key}:width", min(value, most)), step=0.05, width=SLIDER_PX
    )
    return value if found == most and math.isinf(value) else found


def _share(label: str, value: float, key: str) -> float:
    found: float = st.slider(label, 0.0, 1.0, key=follow(key, value), step=0.01, width=SLIDER_PX)
    return found


def _side(value: Side, key: str) -> Side:
    names = {"low": "coarse layers", "high": "fine layers"}
    found: Any = st.radio(
        "TRANSFER gives the", SIDES, key=follow(f"{key}:side", value), format_func=names.get, horizontal=True
    )
    return value if found is None else found


def _px(resolution: int) -> str:
    return f"{resolution} px"
