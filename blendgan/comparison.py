"""Whether two models are of one family, as data: the rows behind `blendgan inspect BASE TRANSFER`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from blendgan.kinship import FAILS_BELOW, WORKS_FROM, Kinship, Row, compare
from blendgan.plots import Chart, Line
from stylegan2.checkpoints import load
from stylegan2.store import resolve


def inspect_pair(base: str, transfer: str) -> Kinship:
    """Compare two models, by path or shipped name; see `kinship.compare`. Raises CheckpointError or UnknownWeights."""
    return compare(load(resolve(base)), load(resolve(transfer)))


def kinship_rows(kinship: Kinship) -> list[tuple[str, str, str]]:
    """Return the table of two models: a heading, then part, correlation and distance, from coarse to fine."""
    heading = ("part", "correlation of filters", "change of weights")
    return [heading, *((_part(row), f"{row.correlation:.3f}", f"{row.distance:.1%}") for row in kinship.rows)]


def sentences(kinship: Kinship) -> list[str]:
    """Return the verdict, its reason, and what else is to be known, each in one line."""
    first, *more = kinship.differences or (None,)
    if first is not None:
        others = f" (and {len(more)} more)" if more else ""
        reason = f"{first.what}: BASE has {first.base}, TRANSFER {first.transfer}{others}"
        reason += "; train TRANSFER from this BASE, or choose the BASE that it was trained from"
    else:
        reason = (
            f"filters correlate by {kinship.correlation:.3f} (under {FAILS_BELOW}: no blend; {WORKS_FROM} and up: good)"
        )
    return [f"{kinship.verdict}: {reason}", *kinship.lineage, *kinship.notes]


def kinship_json(kinship: Kinship) -> dict[str, Any]:
    """Return the comparison and its thresholds as plain JSON values; what is no number is null."""
    values = asdict(kinship) | {"thresholds": {"fails_below": FAILS_BELOW, "works_from": WORKS_FROM}}
    numbers = ("correlation", "distance")
    values["rows"] = [row | {key: _finite(row[key]) for key in numbers} for row in values["rows"]]
    return values


def kinship_chart(kinship: Kinship, title: str) -> Chart:
    """Return the table as a chart over the resolutions; one without lines where the models cannot be compared."""
    rows = [(row.resolution, row) for row in kinship.rows if row.resolution is not None]
    lines = (
        Line("correlation", tuple((resolution, row.correlation) for resolution, row in rows)),
        Line("change of weights", tuple((resolution, row.distance) for resolution, row in rows)),
    )
    marks = {f"blends well from {WORKS_FROM}": WORKS_FROM, f"fails below {FAILS_BELOW}": FAILS_BELOW}
    return Chart(title, lines if rows else (), marks)


def _part(row: Row) -> str:
    return "mapping" if row.resolution is None else f"{row.resolution} px"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
