"""The search for the best blend as a picture: every schedule as a dot, the front as a line, and its blends below."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from blendgan.auto_blend import Front, Point
from blendgan.images import grid
from blendgan.plots import COLOURS, FONT_PX, GREY, INK, PALE, PAPER, SHARPNESS, TITLE_PX
from blendgan.schedule import Layers, Table
from blendgan.schedule_forms import to_words

WIDTH_PX, HEIGHT_PX, MARGIN_PX = 720, 420, 56
DOT_PX, KNEE_PX = 4, 9
STEPS = 4  # of each axis
MOST_PICTURES = 8  # in the row: BASE, knee, TRANSFER's end, and what lies between
WIDEST_CAPTION = 20  # characters


def front_sheet(found: Front, pictures: dict[Point, Image.Image]) -> Image.Image:
    """Draw the chart, and below it a picture for each point of `shown(found)`, the knee with an arrow."""
    chart = _chart(found)
    points = shown(found)
    captions = [("> " if point is found.knee else "") + caption_of(point) for point in points]
    row = grid({"": [pictures[point] for point in points]}, captions)
    sheet = Image.new("RGB", (max(chart.width, row.width), chart.height + row.height), PAPER)
    sheet.paste(chart, (0, 0))
    sheet.paste(row, (0, chart.height))
    return sheet


def shown(found: Front) -> tuple[Point, ...]:
    """Choose points of the front: both ends, the knee, and others evenly between, in the front's order."""
    last = len(found.front) - 1
    count = min(MOST_PICTURES, last + 1)
    places = {round(i * last / max(1, count - 1)) for i in range(count)}
    knee = found.front.index(found.knee)
    if knee not in places:  # instead of the nearest that is no end
        places.discard(min(places - {0, last}, key=lambda place: abs(place - knee)))
        places.add(knee)
    return tuple(found.front[place] for place in sorted(places))


def caption_of(point: Point) -> str:
    """Name a schedule in few letters."""
    words = to_words(point.schedule)
    if isinstance(point.schedule, (Table, Layers)) and len(words) > WIDEST_CAPTION:
        return f"{words.split()[0]}, style {point.style:.2f}"
    return words


def _chart(found: Front) -> Image.Image:
    sheet = Image.new("RGB", (WIDTH_PX * SHARPNESS, HEIGHT_PX * SHARPNESS), PAPER)
    pen = _Pen(ImageDraw.Draw(sheet), found.points)
    pen.axes()
    pen.line(found.front, COLOURS[0])
    for point in found.points:
        pen.dot(point, DOT_PX, COLOURS[0] if point in found.front else GREY)
    pen.dot(found.knee, KNEE_PX, COLOURS[1])
    return sheet.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.LANCZOS)


class _Pen:
    """Draws in px of the finished picture; knows where a distance and a style lie."""

    def __init__(self, draw: ImageDraw.ImageDraw, points: Sequence[Point]) -> None:
        self.draw = draw
        self.distances = 0.0, max(point.distance for point in points) or 1.0
        styles = [0.0, *(point.style for point in points)]
        self.styles = min(styles), max(styles) if max(styles) > min(styles) else 1.0

    def place(self, distance: float, style: float) -> tuple[float, float]:
        (first, last), (low, high) = self.distances, self.styles
        x = MARGIN_PX + (distance - first) / (last - first) * (WIDTH_PX - 2 * MARGIN_PX)
        y = HEIGHT_PX - MARGIN_PX - (style - low) / (high - low) * (HEIGHT_PX - 2 * MARGIN_PX)
        return x * SHARPNESS, y * SHARPNESS

    def axes(self) -> None:
        (first, last), (low, high) = self.distances, self.styles
        for i in range(STEPS + 1):
            distance, style = first + i * (last - first) / STEPS, low + i * (high - low) / STEPS
            self.draw.line([self.place(distance, low), self.place(distance, high)], PALE, SHARPNESS)
            self.draw.line([self.place(first, style), self.place(last, style)], PALE, SHARPNESS)
            self.text(self.place(distance, low), (0, 14), f"{distance:.2f}", GREY, "mm")
            self.text(self.place(first, style), (-8, 0), f"{style:.2f}", GREY, "rm")
        self.text(self.place((first + last) / 2, low), (0, 36), "distance from the projected face", GREY, "mm")
        self.text(self.place(first, high), (0, -28), "style: 0 is BASE's, 1 is TRANSFER's", INK, "lm", TITLE_PX)

    def line(self, points: Sequence[Point], colour: tuple[int, int, int]) -> None:
        self.draw.line([self.place(point.distance, point.style) for point in points], colour, 2 * SHARPNESS)

    def dot(self, point: Point, radius_px: int, colour: tuple[int, int, int]) -> None:
        self.draw.circle(self.place(point.distance, point.style), radius_px * SHARPNESS, colour)

    def text(
        self,
        at: tuple[float, float],
        shift: tuple[int, int],
        text: str,
        colour: tuple[int, int, int],
        anchor: str,
        size_px: int = FONT_PX,
    ) -> None:
        x, y = at[0] + shift[0] * SHARPNESS, at[1] + shift[1] * SHARPNESS
        self.draw.text((x, y), text, colour, ImageFont.load_default(size_px * SHARPNESS), anchor=anchor)
