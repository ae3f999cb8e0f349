"""The layer schedule as a curve whose points are dragged, or moved by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.parts.files import component, nothing

_curve = component("curve")


@dataclass(frozen=True)
class Moved:
    """A point was moved: all shares; its number; when, by the browser's clock in ms; whether it was let go."""

    alphas: tuple[float, ...]
    number: int
    at: float
    final: bool


def moved(key: str, count: int) -> Moved | None:
    """Return what this run is about, if a point was moved; ask before the curve is drawn.

    What a browser sends is not trusted: an event of another form is none.
    """
    state = st.session_state.get(key)
    event = state.get("moved") if isinstance(state, Mapping) else None
    if not isinstance(event, Mapping):
        return None
    alphas, number, at = event.get("alphas"), event.get("number"), event.get("at")
    if not isinstance(alphas, list) or len(alphas) != count or not all(map(_is_share, alphas)):
        return None
    if not isinstance(number, int) or not isinstance(at, (int, float)):
        return None
    st.session_state[_echo(key)] = number
    return Moved(tuple(map(float, alphas)), number, float(at), event.get("final") is True)


def curve(labels: Sequence[str], alphas: Sequence[float], key: str) -> None:
    """Draw the curve: a point for each share of TRANSFER in [0, 1]."""
    data = {"labels": list(labels), "alphas": list(alphas), "echo": last_number(key)}
    _curve(key=key, data=data, on_moved_change=nothing)


def last_number(key: str) -> int:
    """Return the number of the last event, which tells the browser that it was answered; 0 before the first."""
    number: int = st.session_state.get(_echo(key), 0)
    return number


def _echo(key: str) -> str:
    """Where the number of the last event is kept: the browser sends the next one when it comes back."""
    return f"{key}:echo"


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
