"""The trade of likeness and style: of schedules that were tried, the front of the best, and its knee.

Pure arithmetic on points that are measured elsewhere. A point is on the front if no other is at once as near to the
projected face and as much in TRANSFER's style, and better in one of the two (Pareto). With both axes scaled so that the
front goes from (0, 0) to (1, 1), the knee is the point farthest above the straight line between the two ends: from
there on each step of style costs more of the likeness than before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from blendgan.schedule import Schedule
from blendgan.schedule_forms import to_words
from stylegan2.errors import InputError


@dataclass(frozen=True)
class Point:
    """A schedule that was tried. `distance`: to the projected face, 0 or more. `style`: 0 BASE's, 1 TRANSFER's."""

    schedule: Schedule
    distance: float
    style: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.distance) and math.isfinite(self.style)):
            raise InputError(
                f"{to_words(self.schedule)}: found distance {self.distance}, style {self.style}, expected numbers; "
                "the blend draws nothing that could be compared"
            )

    def dominates(self, other: Point) -> bool:
        """Whether it is as good as another in both, and better in one."""
        at_least = self.distance <= other.distance and self.style >= other.style
        return at_least and (self.distance, self.style) != (other.distance, other.style)


@dataclass(frozen=True)
class Front:
    """All points in the order of their distance, those on the front, and its knee."""

    points: tuple[Point, ...]
    front: tuple[Point, ...]
    knee: Point


def front_of(points: Iterable[Point]) -> Front:
    """Find front and knee, whatever the order of the points. Raises InputError without any."""
    ordered = tuple(sorted(set(points), key=_order))
    if not ordered:
        raise InputError("auto: found no schedules, expected at least one to choose from")
    front: list[Point] = []
    for point in ordered:  # the nearer come first, so only more style brings a point onto the front
        if not front or point.style > front[-1].style:
            front.append(point)
    return Front(ordered, tuple(front), knee_of(tuple(front)))


def knee_of(front: tuple[Point, ...]) -> Point:
    """Return the point farthest above the line between a front's ends; of equals the one with more style.

    So of a front that is nowhere above the line it is TRANSFER's end: a toon was asked for.
    """
    near, far = front[0], front[-1]
    breadth, height = far.distance - near.distance or 1.0, far.style - near.style or 1.0

    def above(point: Point) -> float:
        return (point.style - near.style) / height - (point.distance - near.distance) / breadth

    return max(front, key=lambda point: (above(point), point.style))


def _order(point: Point) -> tuple[float, float, str]:
    """By distance; of equals more style first, then by words, so that the order of trying does not matter."""
    return point.distance, -point.style, to_words(point.schedule)
