"""A small chart: values as lines over log2 of the resolution, or over any other number. Drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

WIDTH_PX, HEIGHT_PX = 720, 400
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 64, 180, 56, 48  # margins; the names of the lines stand to their right
FONT_PX, TITLE_PX = 14, 16
SMALLEST_PX = 9  # of letters that are made smaller to fit; what is longer still is cut
EDGE_PX = 8  # that stays free at the right
SHARPNESS = 2  # drawn so much larger and then reduced: Pillow's own lines have stairs
DOT_PX = 4
DASH_PX = 6
STEPS = 3  # of the upright axis, at least
STEP_SIZES = (5, 2.5, 1, 0.5, 0.25)  # times a power of ten
PAPER, INK, GREY, PALE = (255, 255, 255), (32, 32, 32), (120, 120, 120), (226, 226, 226)
# Okabe and Ito's, for colour-blind eyes
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233))


@dataclass(frozen=True)
class Axis:
    """What runs across: its words below; whether it is drawn in octaves; its ticks, none for one at each point."""

    words: str
    is_octaves: bool = False
    ticks: tuple[float, ...] = ()

    def place(self, x: float) -> float:
        """Where a number lies along the axis, in its own unit."""
        return math.log2(x) if self.is_octaves else x


RESOLUTIONS = Axis("resolution of the layers, px", is_octaves=True)


@dataclass(frozen=True)
class Line:
    """One line: its name, and (place across, value) pairs, by default a resolution in px and its value.

    A value that is no number leaves a gap. Points whose place is in `open_at` have an open dot.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    open_at: frozenset[float] = frozenset()


@dataclass(frozen=True)
class Chart:
    """What to draw. `marks` are level lines, name → value. Lines take the colours in turn.

    The upright axis has 0 on it, unless `starts` says that it spans the values alone.
    """

    title: str
    lines: tuple[Line, ...]
    marks: Mapping[str, float]
    across: Axis = RESOLUTIONS
    starts: Literal["zero", "values"] = "zero"


def draw(chart: Chart) -> Image.Image:
    """Return the chart as an RGB picture. Its upright axis begins at 0, or below where a value does."""
    sheet = Image.new("RGB", (WIDTH_PX * SHARPNESS, HEIGHT_PX * SHARPNESS), PAPER)
    pen = _Pen(ImageDraw.Draw(sheet), chart.across, _ends(chart), _span(chart))
    pen.fitted(LEFT_PX, TOP_PX / 2, chart.title, INK, TITLE_PX)
    _draw_axes(pen, chart)
    for value in chart.marks.values():
        pen.dashes(value, GREY)
    for line, colour in zip(chart.lines, _colours(chart.lines), strict=True):
        _draw_line(pen, line, colour)
    _draw_names(pen, chart)
    return sheet.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class _Pen:
    """Draws in px of the finished picture; knows where a number across and a value lie."""

    draw: ImageDraw.ImageDraw
    across: Axis
    ends: tuple[float, float]
    span: tuple[float, float]

    def x(self, number: float) -> float:
        first, last = self.ends
        share = (self.across.place(number) - first) / (last - first) if last > first else 0.5
        return LEFT_PX + share * (WIDTH_PX - LEFT_PX - RIGHT_PX)

    def y(self, value: float) -> float:
        low, high = self.span
        return HEIGHT_PX - BOTTOM_PX - (value - low) / (high - low) * (HEIGHT_PX - TOP_PX - BOTTOM_PX)

    def line(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width: float) -> None:
        self.draw.line([_scaled(point) for point in points], colour, round(width * SHARPNESS), joint="curve")

    def dot(self, point: tuple[float, float], colour: tuple[int, int, int]) -> None:
        self.draw.circle(_scaled(point), DOT_PX * SHARPNESS, colour)

    def ring(self, point: tuple[float, float], colour: tuple[int, int, int]) -> None:
        self.draw.circle(_scaled(point), DOT_PX * SHARPNESS, PAPER, colour, 2 * SHARPNESS)

    def dashes(self, value: float, colour: tuple[int, int, int]) -> None:
        for x in range(LEFT_PX, WIDTH_PX - RIGHT_PX, 2 * DASH_PX):
            self.line([(x, self.y(value)), (x + DASH_PX, self.y(value))], colour, 1)

    def text(
        self, x: float, y: float, text: str, colour: tuple[int, int, int], anchor: str, size: int = FONT_PX
    ) -> None:
        font = ImageFont.load_default(size * SHARPNESS)
        self.draw.text(_scaled((x, y)), text, colour, font, anchor=anchor)

    def fitted(self, x: float, y: float, text: str, colour: tuple[int, int, int], size: int = FONT_PX) -> None:
        """Text that begins at x and ends within the picture: in smaller letters, or cut, where it is too long."""
        room = (WIDTH_PX - EDGE_PX - x) * SHARPNESS
        while size > SMALLEST_PX and _length(text, size) > room:
            size -= 1
        if _length(text, size) > room:
            kept = next(count for count in range(len(text), -1, -1) if _length(text[:count] + "...", size) <= room)
            text = text[:kept] + "..."
        self.text(x, y, text, colour, "lm", size)


def _length(text: str, size: int) -> float:
    return ImageFont.load_default(size * SHARPNESS).getlength(text)


def _scaled(point: tuple[float, float]) -> tuple[float, float]:
    return point[0] * SHARPNESS, point[1] * SHARPNESS


def _numbers(chart: Chart) -> list[float]:
    return sorted({number for line in chart.lines for number, _ in line.points})


def _ends(chart: Chart) -> tuple[float, float]:
    numbers = _numbers(chart) or [1]
    return chart.across.place(numbers[0]), chart.across.place(numbers[-1])


def _values(chart: Chart) -> list[float]:
    values = [value for line in chart.lines for _, value in line.points]
    return [value for value in [*values, *chart.marks.values()] if math.isfinite(value)]


def _spanned(chart: Chart) -> list[float]:
    values = _values(chart)
    return values if values and chart.starts == "values" else [0.0, *values]


def _step(chart: Chart) -> float:
    """Return the largest round step that divides the extent of what is spanned into enough parts."""
    values = _spanned(chart)
    extent = max(values) - min(values) or 1.0
    decade = 10.0 ** math.floor(math.log10(extent))
    return next(size * decade for size in STEP_SIZES if extent >= STEPS * size * decade)


def _span(chart: Chart) -> tuple[float, float]:
    """Return the ends of the upright axis: whole steps around what is spanned."""
    step, values = _step(chart), _spanned(chart)
    low, high = (math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step)
    return (low, high) if high > low else (low, low + STEPS * step)


def _draw_axes(pen: _Pen, chart: Chart) -> None:
    (low, high), step = pen.span, _step(chart)
    for index in range(round((high - low) / step) + 1):
        value = low + index * step
        pen.line([(LEFT_PX, pen.y(value)), (WIDTH_PX - RIGHT_PX, pen.y(value))], PALE, 1)
        pen.text(LEFT_PX - 10, pen.y(value), f"{value:.4g}", GREY, "rm")
    for number in chart.across.ticks or _numbers(chart):
        pen.text(pen.x(number), HEIGHT_PX - BOTTOM_PX + 16, f"{number:g}", GREY, "mm")
    pen.text((LEFT_PX + WIDTH_PX - RIGHT_PX) / 2, HEIGHT_PX - 14, chart.across.words, GREY, "mm")


def _draw_line(pen: _Pen, line: Line, colour: tuple[int, int, int]) -> None:
    points = {number: (pen.x(number), pen.y(value)) for number, value in line.points if math.isfinite(value)}
    if len(points) > 1:
        pen.line(list(points.values()), colour, 2)
    for number, point in points.items():
        (pen.ring if number in line.open_at else pen.dot)(point, colour)


def _draw_names(pen: _Pen, chart: Chart) -> None:
    """Name lines and marks at their right ends, pushed apart where two would overlap."""
    lowest = math.inf
    for y, name, colour in sorted(_names(pen, chart), reverse=True):
        lowest = min(y, lowest - FONT_PX - 4)
        pen.fitted(WIDTH_PX - RIGHT_PX + 12, lowest, name, colour)


def _names(pen: _Pen, chart: Chart) -> Iterator[tuple[float, str, tuple[int, int, int]]]:
    for line, colour in zip(chart.lines, _colours(chart.lines), strict=True):
        ends = [value for _, value in line.points if math.isfinite(value)]
        if ends:
            yield pen.y(ends[-1]), line.name, colour
    for name, value in chart.marks.items():
        yield pen.y(value), name, GREY


def _colours(lines: tuple[Line, ...]) -> list[tuple[int, int, int]]:
    return [COLOURS[index % len(COLOURS)] for index in range(len(lines))]
