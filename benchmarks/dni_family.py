"""The paper's study of denoisers: the best α between two ends for every level of noise, and how filters change."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
import torch
from PIL import Image

from benchmarks.dni_pictures import people, public_pictures
from benchmarks.pages import Study, markdown
from blendgan.dni import correlation, interpolate
from blendgan.dni.degradation import CleanFile, degrade, pattern_seed, read_clean
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.dni.quality import open_metric, psnr
from blendgan.dni.sweep import sweep, swept
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Curve
from blendgan.images import grid, to_uint8
from blendgan.masks import WHITE, Mask
from blendgan.plots import Axis, Chart, Line, draw
from blendgan.restoration.mixtures import Masking, by_region, mixture
from blendgan.restoration.region_map import Levels
from blendgan.restoration.tiles import restore

LEVELS = (20, 30, 40, 50, 60)  # of the family; the ends are the first and the last
FRONT, BACK = "conv.3", "conv.8"  # of 12 layers; the paper's are the 5th and the 12th of 17
SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)
CROP_PX = 160  # of the strip
FACE = (60, 140)  # top, left of the crop of astronaut
SPATIAL_NOISE = 35.0
ROCKET = slice(160, 480)  # columns of the picture


def study() -> Study:
    """Tables and pictures of the family."""
    family = {level: open_network(f"denoise-{level}") for level in LEVELS}
    public, more = public_pictures(), people()
    curves = between(family, public)
    parts = ["**On astronaut, chelsea and rocket** (whole; mean PSNR in dB):", levels_table(family, curves, public)]
    if more:
        parts += [f"**On {len(more)} crops of portraits** (CC0, not shown):"]
        parts += [levels_table(family, between(family, more), more)]
    parts += ["**Barrier of the ends** on the public pictures:", "\n".join(barrier_lines(curves))]
    parts += ["**Correlation index**, the median over layers, of every pair:", pairs_table(family)]
    parts += ["**Filters on the way** (as the paper's figures 3 and 4), against those of noise 20:"]
    parts += [way_table(family, curves)]
    pictures = {
        "dni-levels.png": draw(levels_chart(curves)),
        "dni-filters.png": draw(filters_chart(family, curves)),
        "dni-strip.png": strip(family, public[0]),
        "dni-spatial.png": spatial(family, public[2]),
    }
    return Study("\n\n".join(parts), pictures)


def between(family: dict[int, NetworkFile], files: Sequence[CleanFile]) -> tuple[Curve, ...]:
    """The curve over α at every level, from the first network to the last."""
    setting = Setting(noise=tuple(map(float, LEVELS)), crop_px=None, pruning="none")
    return swept(sweep([family[LEVELS[0]], family[LEVELS[-1]]], files, open_metric("psnr"), setting)).curves


def trained_for(family: dict[int, NetworkFile], level: int, files: Sequence[CleanFile]) -> float:
    """PSNR of the network that was trained for a level."""
    network, values = mixture([family[level]], (1.0,)), []
    for file in files:
        clean = read_clean(file, 3, 1, None)
        with torch.inference_mode():
            values.append(psnr(network.network(degrade(clean, 1, level, pattern_seed(0, file))), clean))
    return sum(values) / len(values)


def levels_table(family: dict[int, NetworkFile], curves: Sequence[Curve], files: Sequence[CleanFile]) -> str:
    """For each level of noise: ends, the trained network, the best between, the best mean of pixels."""
    headings = ("noise", "noisy", "N20", "N60", "trained for it", "DNI, best α", "mean of pixels, best α")
    rows = []
    for curve in curves:
        trained = trained_for(family, int(curve.noise), files)
        best, pixels = curve.best, curve.best_pixels
        figures = (curve.input_value, curve.points[0].value, curve.points[-1].value, trained)
        told = [f"{value:.2f}" for value in figures]
        told += [f"**{best.value:.2f}** at {best.alpha:g}", f"{pixels.pixels:.2f} at {pixels.alpha:g}"]
        rows.append([f"{curve.noise:g}", *told, f"{best.value - trained:+.2f}", f"{best.value - pixels.pixels:+.2f}"])
    return markdown((*headings, "DNI − trained", "DNI − pixels"), rows)


def barrier_lines(curves: Sequence[Curve]) -> list[str]:
    """A sentence for each level."""
    return [f"- noise {curve.noise:g}: {curve.barrier.sentence}" for curve in curves]


def pairs_table(family: dict[int, NetworkFile]) -> str:
    """The index of every pair: median over layers, least layer."""

    def told(a: int, b: int) -> str:
        values = correlation(family[a].tensors, family[b].tensors).values()
        return "" if b <= a else f"{median(values):.3f} ({min(values):.3f})"

    rows = [(f"N{a}", *(told(a, b) for b in LEVELS[1:])) for a in LEVELS[:-1]]
    return markdown(("median (least layer)", *(f"N{b}" for b in LEVELS[1:])), rows)


def way(family: dict[int, NetworkFile], curves: Sequence[Curve]) -> list[tuple[int, float, list[float]]]:
    """Level, best α, and the index against N20 of: learned front, between front, learned back, between back."""
    first, last = family[LEVELS[0]].tensors, family[LEVELS[-1]].tensors
    found = []
    for curve in curves:
        alpha = curve.best.alpha
        learned = correlation(first, family[int(curve.noise)].tensors)
        mixed = correlation(first, interpolate([first, last], [1 - alpha, alpha]))
        values = [index[layer] for layer in (FRONT, BACK) for index in (learned, mixed)]
        found.append((int(curve.noise), alpha, values))
    return found


def way_table(family: dict[int, NetworkFile], curves: Sequence[Curve]) -> str:
    """`way` as a table."""
    headings = ("noise", "best α", "4th layer: learned", "between", "9th layer: learned", "between")
    rows = [(level, f"{alpha:g}", *(f"{v:.4f}" for v in values)) for level, alpha, values in way(family, curves)]
    return markdown(headings, rows)


def levels_chart(curves: Sequence[Curve]) -> Chart:
    """PSNR below the best of its level, over α: where each level has its best."""
    lines = tuple(
        Line(f"noise {curve.noise:g}", tuple((point.alpha, point.value - curve.best.value) for point in curve.points))
        for curve in curves
    )
    axis = Axis("alpha, the share of N60", ticks=SHOWN)
    return Chart("PSNR against the best alpha of each level, dB", lines, {}, axis, starts="values")


def filters_chart(family: dict[int, NetworkFile], curves: Sequence[Curve]) -> Chart:
    """As the paper's figure 4."""
    points = way(family, curves)
    names = ("4th layer, learned", "4th layer, between", "9th layer, learned", "9th layer, between")
    lines = tuple(
        Line(name, tuple((float(level), values[i]) for level, _, values in points)) for i, name in enumerate(names)
    )
    axis = Axis("noise, of 255", ticks=tuple(map(float, LEVELS)))
    return Chart("Correlation of filters with N20's", lines, {}, axis, starts="values")


def strip(family: dict[int, NetworkFile], file: CleanFile) -> Image.Image:
    """A face at two levels of noise: as given, networks from N20 to N60, clean."""
    clean = read_clean(file, 3, 1, None)
    ends = [family[LEVELS[0]], family[LEVELS[-1]]]
    rows = {}
    for noise in (30.0, 50.0):
        given = degrade(clean, 1, noise, pattern_seed(0, file))
        cells = [given]
        for alpha in SHOWN:
            with torch.inference_mode():
                cells.append(mixture(ends, (1 - alpha, alpha)).network(given))
        rows[f"noise {noise:g}"] = [cropped(cell) for cell in (*cells, clean)]
    return grid(rows, ["noisy", *(f"alpha {alpha:g}" for alpha in SHOWN), "clean"])


def cropped(picture: torch.Tensor) -> Image.Image:
    """The crop of the strip, as a picture."""
    top, left = FACE
    part = picture[..., top : top + CROP_PX, left : left + CROP_PX].clamp(0, 1)
    return Image.fromarray(to_uint8(part * 2 - 1)[0])


def spatial(family: dict[int, NetworkFile], file: CleanFile) -> Image.Image:
    """A sky that is denoised harder than what stands before it (as the paper's figure 6), by a mask."""
    clean = read_clean(file, 3, 1, None)
    noisy = degrade(clean, 1, SPATIAL_NOISE, pattern_seed(0, file)).clamp(0, 1)
    pixels = to_uint8(noisy * 2 - 1)[0]
    ends = [family[LEVELS[0]], family[LEVELS[-1]]]
    height, width = pixels.shape[:2]
    sky = np.linspace(1, 0, height)[:, None].repeat(width, axis=1)
    mask = Mask("sky", (np.clip((sky - 0.35) * 8, 0, 1) * WHITE).astype(np.uint16))
    regional = by_region(ends, Masking(mask, Levels((0.0, 255.0), (0.1, 1.0))), height, width)
    cells = [pixels, restore(mixture(ends, (0.9, 0.1)), pixels), restore(mixture(ends, (0.0, 1.0)), pixels)]
    cells += [restore(regional, pixels)]
    shown = [Image.fromarray(cell[:, ROCKET]) for cell in cells]
    return grid({"": shown}, [f"noise {SPATIAL_NOISE:g}", "alpha 0.1", "alpha 1", "0.1 below, 1 in the sky"])
