"""One share between two ends, as a slider whose moves are answered while it is dragged."""

from __future__ import annotations

from app.parts import curve
from app.parts.curve import Moved
from app.parts.files import component, nothing

_share = component("share")


def moved(key: str) -> Moved | None:
    """Return what this run is about, if the slider was moved; ask before it is drawn."""
    return curve.moved(key, 1)


def share(alpha: float, ends: tuple[str, str], label: str, key: str) -> None:
    """Draw the slider; `ends`: what the shares 0 and 1 are called."""
    data = {"alpha": alpha, "ends": list(ends), "label": label, "echo": curve.last_number(key)}
    _share(key=key, data=data, on_moved_change=nothing)
