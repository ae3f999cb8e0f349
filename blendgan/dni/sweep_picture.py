"""A sweep as pictures: a chart over α for each curve, and a strip with one crop of every network."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from blendgan.dni.bench import Bench, mean_of_pixels, output
from blendgan.dni.degradation import CleanFile, degrade, enlarged, pattern_seed, read_clean
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Curve, Table, figure
from blendgan.images import grid, to_pictures
from blendgan.plots import Axis, Chart, Line, draw

SHARE_OF_B = Axis("α, the share of B; open: seen on some pictures only", ticks=(0.0, 0.25, 0.5, 0.75, 1.0))
CELL_PX = 128  # of each crop in the strip
SEEN_PX = 256  # of the picture, around the crop: beyond it no network is taken to look


def charts(table: Table) -> Image.Image:
    """Return the charts of all curves, one below the other: the networks, the mean of pixels, the input."""
    pictures = [draw(_chart(curve)) for curve in table.curves]
    sheet = Image.new("RGB", (pictures[0].width, sum(picture.height for picture in pictures)), "white")
    y = 0
    for picture in pictures:
        sheet.paste(picture, (0, y))
        y += picture.height
    return sheet


def _chart(curve: Curve) -> Chart:
    unit = f", {curve.metric.unit}" if curve.metric.unit else ""
    best = f"best α {curve.best.alpha:g} ({figure(curve.best.value, curve.metric)})"
    dropped = frozenset(point.alpha for point in curve.points if curve.is_dropped(point))
    lines = (
        Line("networks", tuple((point.alpha, point.value) for point in curve.points), dropped),
        Line("mean of pixels", tuple((point.alpha, point.pixels) for point in curve.points)),
    )
    title = f"{curve.a} → {curve.b}, noise {curve.noise:g}: {curve.metric.name}{unit}; {best}"
    return Chart(title, lines, {"as given": curve.input_value}, SHARE_OF_B, "values")


def strip(benches: Sequence[Bench], table: Table, setting: Setting, file: CleanFile) -> Image.Image:
    """Return crops of one picture in rows: the networks of each curve, and below them the mean of pixels.

    To their left what the networks were given, to their right the clean picture. The benches are those of the sweep,
    in its order, with what mends their networks between; each has as many curves as there are levels of noise.
    """
    levels = len(table.curves) // len(benches)
    rows: dict[str, list[Image.Image]] = {}
    for place, curve in enumerate(table.curves):
        best = f"best α {curve.best.alpha:g}"
        networks, pixels = _rows(benches[place // levels], curve, setting, file)
        rows[f"{curve.a} → {curve.b}, noise {curve.noise:g}, {best}"] = networks
        rows[f"mean of their pixels, noise {curve.noise:g} {'' if levels > 1 or place == 0 else place}"] = pixels
    alphas = (f"{alpha:g}" for alpha in setting.alphas)
    return grid(rows, ["given", *alphas, "clean"])


def _rows(bench: Bench, curve: Curve, setting: Setting, file: CleanFile) -> tuple[list[Image.Image], list[Image.Image]]:
    clean = read_clean(file, bench.channels, bench.scale, min(setting.crop_px or SEEN_PX, SEEN_PX))
    given = degrade(clean, bench.scale, curve.noise, pattern_seed(setting.seed, file))
    outputs = [output(bench.network(alpha), given) for alpha in setting.alphas]
    means = (mean_of_pixels((outputs[0], outputs[-1]), alpha) for alpha in setting.alphas)
    around = _cell(enlarged(given, bench.scale)), _cell(clean)
    return [[around[0], *map(_cell, pictures), around[1]] for pictures in (outputs, means)]


def _cell(picture: Tensor) -> Image.Image:
    """The middle of a picture [1, C, H, W] in [0, 1]."""
    height, width = picture.shape[-2:]
    top, left = max(height - CELL_PX, 0) // 2, max(width - CELL_PX, 0) // 2
    middle = picture[..., top : top + CELL_PX, left : left + CELL_PX]
    return to_pictures(middle.clamp(0, 1) * 2 - 1)[0]
