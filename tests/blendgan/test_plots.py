"""The chart puts values where they belong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blendgan.plots import (
    BOTTOM_PX,
    COLOURS,
    HEIGHT_PX,
    LEFT_PX,
    PAPER,
    RIGHT_PX,
    TOP_PX,
    WIDTH_PX,
    Axis,
    Chart,
    Line,
    draw,
)

RIGHT, BOTTOM = WIDTH_PX - RIGHT_PX, HEIGHT_PX - BOTTOM_PX


def near(pixels: np.ndarray, x: float, y: float, colour: tuple[int, int, int]) -> bool:
    return bool(
        np.abs(pixels[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].astype(int) - colour).max(2).min() < 30
    )


def test_dots_lie_at_log2_of_the_resolution_and_at_their_values():
    chart = Chart("two lines", (Line("a", ((4, 0.0), (8, 0.5), (64, 1.0))), Line("b", ((4, 1.0), (64, 0.25)))), {})
    pixels = np.asarray(draw(chart))
    assert pixels.shape == (HEIGHT_PX, WIDTH_PX, 3)
    quarter = LEFT_PX + (RIGHT - LEFT_PX) / 4  # 8 px is one octave of the four between 4 and 64
    assert near(pixels, LEFT_PX, BOTTOM, COLOURS[0])
    assert near(pixels, quarter, (TOP_PX + BOTTOM) / 2, COLOURS[0])
    assert near(pixels, RIGHT, TOP_PX, COLOURS[0])
    assert near(pixels, LEFT_PX, TOP_PX, COLOURS[1])
    assert near(pixels, RIGHT, BOTTOM - (BOTTOM - TOP_PX) / 4, COLOURS[1])
    assert not near(pixels, quarter, BOTTOM - 20, COLOURS[0])


def test_the_axis_reaches_below_zero_where_a_value_does():
    pixels = np.asarray(draw(Chart("", (Line("a", ((4, -1.0), (8, 1.0))),), {})))
    assert near(pixels, LEFT_PX, BOTTOM, COLOURS[0])
    assert near(pixels, RIGHT, TOP_PX, COLOURS[0])


@pytest.mark.parametrize("words", [12, 30])
def test_a_long_title_and_long_names_end_within_the_picture(words):
    text = " ".join(["word"] * words)
    short, long = (np.asarray(draw(Chart(t, (Line(t, ((4, 0.0), (8, 1.0))),), {}))) for t in ("word", text))
    ink = np.abs(long.astype(int) - PAPER).max(axis=2) > 30
    assert not ink[:, WIDTH_PX - 4 :].any()
    assert (
        ink[: TOP_PX // 2 + 10].any(axis=0).sum()
        > 2 * (np.abs(short.astype(int) - PAPER).max(axis=2) > 30)[: TOP_PX // 2 + 10].any(axis=0).sum()
    )


def test_marks_are_drawn_across():
    line = Line("a", ((4, 0.0), (8, 1.0)))
    plain, marked = (np.asarray(draw(Chart("", (line,), marks))).astype(int) for marks in ({}, {"border": 0.6}))
    y = round(BOTTOM - 0.6 * (BOTTOM - TOP_PX))
    changed = np.abs(plain - marked).max(axis=2) > 30
    assert changed[y - 1 : y + 2, LEFT_PX:RIGHT].any(axis=0).sum() > 100
    assert not changed[: y - 12].any()


@pytest.mark.parametrize("value", [math.nan, 0.0, 1e-9, 5e6])
def test_values_of_any_size(value):
    picture = draw(Chart("", (Line("a", ((16, value),)),), {}))
    has_dot = any(near(np.asarray(picture), (LEFT_PX + RIGHT) / 2, y, COLOURS[0]) for y in range(TOP_PX, BOTTOM + 1))
    assert has_dot == math.isfinite(value)
    assert picture.getpixel((1, 1)) == PAPER


def test_another_axis_is_straight_and_may_span_the_values_alone():
    line = Line("a", ((0.0, 20.0), (0.25, 30.0), (1.0, 25.0)), frozenset({0.25}))
    chart = Chart("over alpha", (line,), {"mark": 22.5}, Axis("alpha", ticks=(0.0, 1.0)), "values")
    pixels = np.asarray(draw(chart))
    quarter = LEFT_PX + (RIGHT - LEFT_PX) / 4
    assert near(pixels, LEFT_PX, BOTTOM, COLOURS[0])  # 20 is the lowest, not 0
    assert near(pixels, RIGHT, (TOP_PX + BOTTOM) / 2, COLOURS[0])
    assert pixels[round(TOP_PX), round(quarter)].min() > 235  # an open dot has paper in its middle,
    assert near(pixels, quarter - 4, TOP_PX, COLOURS[0])  # … and colour at its rim
