"""What a sweep found, as data: a curve over α for each further end and each level of noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from blendgan.dni.barrier import Barrier
from blendgan.dni.quality import Metric


@dataclass(frozen=True)
class Point:
    """One network of a curve, the share α of B in it.

    `value`: the metric, mean over pictures; `pixels`: of the mean of the two ends' outputs, (1 - α) A + α B, on all
    pictures; `loss`: mean squared error on the pictures that it saw, `pictures` of them. Where these are not all,
    `value` is their mean plus what the networks seen on all pictures differ by between those and all.
    """

    alpha: float
    value: float
    pixels: float
    loss: float
    pictures: int


@dataclass(frozen=True)
class Curve:
    """α from 0, network `a`, to 1, network `b`, at one level of noise, a standard deviation of 255.

    `input_value`: the metric of the pictures as they were given to the networks. `pictures`: how many there are.
    """

    a: str
    b: str
    noise: float
    pictures: int
    input_value: float
    points: tuple[Point, ...]
    barrier: Barrier
    metric: Metric
    is_repaired: bool = False  # the networks between had their activations restored

    @property
    def title(self) -> str:
        """From where to where, and at which noise."""
        return f"{self.a} → {self.b}, {self.conditions}"

    @property
    def conditions(self) -> str:
        """At which noise, and whether with REPAIR."""
        return f"noise {self.noise:g}{', with REPAIR' if self.is_repaired else ''}"

    def is_dropped(self, point: Point) -> bool:
        """Whether a network was beaten before it saw all pictures."""
        return point.pictures < self.pictures

    @property
    def best(self) -> Point:
        """The best network of those that saw all pictures; of equals the one nearest to A."""
        whole = [point for point in self.points if not self.is_dropped(point)]
        return min(whole, key=lambda point: (-self.metric.gain(point.value, 0), point.alpha))

    @property
    def best_pixels(self) -> Point:
        """Where the mean of the two outputs is best; of equals the one nearest to A."""
        return min(self.points, key=lambda point: (-self.metric.gain(point.pixels, 0), point.alpha))

    def at(self, alpha: float) -> Point:
        """Return the point of an α that was measured."""
        return next(point for point in self.points if math.isclose(point.alpha, alpha, abs_tol=1e-9))


@dataclass(frozen=True)
class Table:
    """All curves of a sweep, and what they were measured by: pictures by name, settings as plain values."""

    metric: Metric
    pictures: tuple[str, ...]
    settings: Mapping[str, Any]
    curves: tuple[Curve, ...]


def headings(table: Table) -> list[str]:
    """Return the headings of `rows`."""
    unit = f", {table.metric.unit}" if table.metric.unit else ""
    return ["α", f"{table.metric.name.upper()}{unit}", "mean of pixels", "pictures", ""]


def rows(curve: Curve) -> list[list[str]]:
    """Return a curve as text: a row for each point; `~` marks figures of networks that did not see all pictures."""
    return [_row(curve, point) for point in curve.points]


def summaries(table: Table) -> list[list[str]]:
    """Return a row for each curve: input, A, B, best α and its figure, best mean of pixels."""
    return [
        [
            f"{curve.a} → {curve.b}",
            f"{curve.noise:g}",
            *(figure(value, table.metric) for value in (curve.input_value, curve.points[0].value)),
            figure(curve.points[-1].value, table.metric),
            f"{figure(curve.best.value, table.metric)} at {curve.best.alpha:g}",
            f"{figure(curve.best_pixels.pixels, table.metric)} at {curve.best_pixels.alpha:g}",
        ]
        for curve in table.curves
    ]


SUMMARY_HEADINGS = ("from A to B", "noise", "input", "A", "B", "best network, α", "best mean of pixels, α")


def sentences(table: Table) -> list[str]:
    """Return one line on each curve's barrier."""
    return [f"{curve.title}: {curve.barrier.sentence}" for curve in table.curves]


def table_json(table: Table) -> dict[str, Any]:
    """Return the table as plain JSON values."""
    return {
        "metric": {
            "name": table.metric.name,
            "unit": table.metric.unit,
            "higher_is_better": table.metric.is_higher_better,
        },
        "pictures": list(table.pictures),
        "settings": dict(table.settings),
        "curves": [_curve_json(curve) for curve in table.curves],
    }


def _curve_json(curve: Curve) -> dict[str, Any]:
    return {
        "a": curve.a,
        "b": curve.b,
        "noise": curve.noise,
        "repaired": curve.is_repaired,
        "input": curve.input_value,
        "best_alpha": curve.best.alpha,
        "best": curve.best.value,
        "best_pixels_alpha": curve.best_pixels.alpha,
        "best_pixels": curve.best_pixels.pixels,
        "barrier": asdict(curve.barrier),
        "verdict": curve.barrier.sentence,
        "points": [asdict(point) | {"dropped": curve.is_dropped(point)} for point in curve.points],
    }


def _row(curve: Curve, point: Point) -> list[str]:
    mark = "~" if curve.is_dropped(point) else ""
    word = "dropped" if mark else "best" if point == curve.best else ""
    figures = mark + figure(point.value, curve.metric), figure(point.pixels, curve.metric)
    return [f"{point.alpha:.2f}", *figures, f"{point.pictures} of {curve.pictures}", word]


def figure(value: float, metric: Metric) -> str:
    """Return a value of a metric as text: 2 places of dB, 4 of others."""
    return f"{value:.2f}" if metric.unit == "dB" else f"{value:.4f}"
