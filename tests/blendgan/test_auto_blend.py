"""No point of the front is dominated, the knee is on it, and neither order nor worse points change anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendgan.auto_blend import Front, Point, front_of
from blendgan.schedule import Swap, Uniform
from stylegan2.errors import InputError

NUMBERS = st.integers(0, 20).map(lambda n: n / 4)  # few values, so that many are equal
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12).map(
    lambda pairs: [Point(Uniform(i / 100), *pair) for i, pair in enumerate(pairs)]
)


def above(found: Front, point: Point) -> float:
    """Height over the line between the front's ends, by cross product."""
    near, far = found.front[0], found.front[-1]
    breadth, height = far.distance - near.distance or 1.0, far.style - near.style or 1.0
    return (point.style - near.style) / height - (point.distance - near.distance) / breadth


@given(POINTS)
def test_the_front_is_what_nothing_dominates(points: list[Point]) -> None:
    found = front_of(points)
    assert not [(p, q) for p in found.front for q in points if q.dominates(p)]
    kept = {(p.distance, p.style) for p in found.front}
    assert all((p.distance, p.style) in kept or any(q.dominates(p) for q in points) for p in points)
    assert found.knee in found.front
    assert above(found, found.knee) == max(above(found, p) for p in found.front)


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_trying_does_not_matter(points: list[Point], random: object) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert front_of(shuffled) == front_of(points)


@given(POINTS, st.integers(0, 11), st.sampled_from([(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)]))
def test_a_dominated_point_changes_nothing(points: list[Point], which: int, worse: tuple[float, float]) -> None:
    found = front_of(points)
    better = found.front[which % len(found.front)]
    dominated = Point(Uniform(0.999), better.distance + worse[0], better.style - worse[1])
    assert better.dominates(dominated)
    after = front_of([*points, dominated])
    assert (after.front, after.knee) == (found.front, found.knee)
    assert len(after.points) == len(found.points) + 1


def test_the_knee_is_where_style_becomes_dear() -> None:
    points = [
        Point(Uniform(a), d, s) for a, d, s in [(0, 0, 0), (0.2, 1, 0.5), (0.4, 2, 0.8), (0.6, 6, 0.9), (1, 10, 1)]
    ]
    assert front_of(points).knee.schedule == Uniform(0.4)


def test_of_equals_the_one_with_more_style() -> None:
    straight = [Point(Uniform(a / 4), a, a) for a in range(5)]
    assert front_of(straight).knee == straight[-1]
    assert front_of(straight[:1]).knee == straight[0]


def test_of_the_same_figures_the_first_by_words() -> None:
    one, other = Point(Uniform(0.5), 1.0, 1.0), Point(Swap(8), 1.0, 1.0)
    assert front_of([other, one]).front == front_of([one, other]).front == (one,)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="alpha 0.5: found distance nan, style 1.0, expected numbers"):
        Point(Uniform(0.5), float("nan"), 1.0)
    with pytest.raises(InputError, match="found no schedules"):
        front_of([])
