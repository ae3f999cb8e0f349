"""A sweep as pictures: a chart over alpha for each curve, and strips with one crop of every network.

Their words are in the letters that Pillow's own font has: it lacks arrows and Greek.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from blendgan.dni.bench import Bench, mean_of_pixels, output
from blendgan.dni.degradation import CleanFile, degrade, enlarged, middle, pattern_seed, read_clean
from blendgan.dni.labels import short
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Curve, Table, figure
from blendgan.images import FONT_PX, INK, PAPER, grid, to_pictures
from blendgan.plots import Axis, Chart, Line, draw

SHARE_OF_B = Axis("alpha, the share of B (open: seen on some pictures only)", ticks=(0.0, 0.25, 0.5, 0.75, 1.0))
CELL_PX = 128  # of each crop in a strip, or half of it, where pictures are smaller
SEEN_PX = 256  # of the picture, around the crop: beyond it no network is taken to look
COLUMNS = 8  # of a strip: "given", 21 networks and "clean" in three lines


def charts(table: Table) -> Image.Image:
    """Return the charts of all curves, one below the other: the networks, the mean of pixels, what was given."""
    return _stacked([draw(_chart(curve, title)) for curve, title in zip(table.curves, _titles(table), strict=True)])


def _chart(curve: Curve, title: str) -> Chart:
    unit = f", {curve.metric.unit}" if curve.metric.unit else ""
    dropped = frozenset(point.alpha for point in curve.points if curve.is_dropped(point))
    lines = (
        Line("mean of pixels", tuple((point.alpha, point.pixels) for point in curve.points)),
        Line("networks", tuple((point.alpha, point.value) for point in curve.points), dropped),  # last: on top
    )
    return Chart(
        f"{curve.metric.name.upper()}{unit}: {title}", lines, {"as given": curve.input_value}, SHARE_OF_B, "values"
    )


def _titles(table: Table) -> list[str]:
    names = short([name for curve in table.curves for name in (curve.a, curve.b)])
    return [f"{names[curve.a]} to {names[curve.b]}, {curve.conditions}, {_best(curve)}" for curve in table.curves]


def _best(curve: Curve) -> str:
    return f"best alpha {curve.best.alpha:g} ({figure(curve.best.value, curve.metric)})"


def strip(trials: Sequence[tuple[Bench, float]], table: Table, setting: Setting, file: CleanFile) -> Image.Image:
    """Return crops of one picture: of each curve's networks, and below each the mean of the ends' pixels.

    They begin with what the networks were given, and end with the clean picture. `trials` are those of the sweep
    (`sweep.trials_of`), one for each curve.
    """
    parts: list[Image.Image] = []
    for (bench, noise), curve, title in zip(trials, table.curves, _titles(table), strict=True):
        rows = _rows(bench, noise, setting, file)
        names = ["given", *(f"{point.alpha:g}{' best' * (point == curve.best)}" for point in curve.points), "clean"]
        parts.append(_heading(title))
        for first in range(0, len(names), COLUMNS):
            columns = slice(first, first + COLUMNS)
            parts.append(grid({name: row[columns] for name, row in rows.items()}, names[columns]))
    return _stacked(parts)


def _heading(text: str) -> Image.Image:
    font = ImageFont.load_default(FONT_PX)
    sheet = Image.new("RGB", (int(font.getlength(text)) + 2 * FONT_PX, 2 * FONT_PX), PAPER)
    ImageDraw.Draw(sheet).text((FONT_PX, FONT_PX), text, INK, font, anchor="lm")
    return sheet


def _stacked(parts: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), PAPER)
    y = 0
    for part in parts:
        sheet.paste(part, (0, y))
        y += part.height
    return sheet


def _rows(bench: Bench, noise: float, setting: Setting, file: CleanFile) -> dict[str, list[Image.Image]]:
    clean = read_clean(file, bench.channels, bench.scale, min(setting.crop_px or SEEN_PX, SEEN_PX))
    given = degrade(clean, bench.scale, noise, pattern_seed(setting.seed, file))
    outputs = [output(bench.network(alpha), given) for alpha in setting.alphas]
    means = (mean_of_pixels((outputs[0], outputs[-1]), alpha) for alpha in setting.alphas)
    first, last = _cell(enlarged(given, bench.scale)), _cell(clean)
    networks, pixels = ([first, *map(_cell, pictures), last] for pictures in (outputs, means))
    return {"networks": networks, "mean of pixels": pixels}


def _cell(picture: Tensor) -> Image.Image:
    """The middle of a picture [1, C, H, W] in [0, 1]: a square, wherever the picture is no smaller than half of one."""
    height, width = picture.shape[-2:]
    side = CELL_PX if min(height, width) >= CELL_PX else CELL_PX // 2
    shown = middle(picture, min(side, height), min(side, width))
    return to_pictures(shown.clamp(0, 1) * 2 - 1)[0]
