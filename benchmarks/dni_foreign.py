"""Networks of others: a pair that interpolates, some that look as if they would, a stranger; and whether REPAIR helps.

Their files are test data and stay out of the repository; without them there is no such study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cosine_similarity

from benchmarks.dni_pictures import foreign_network, public_pictures
from benchmarks.pages import Study, markdown
from blendgan.dni import correlation
from blendgan.dni.degradation import CleanFile, degrade, pattern_seed, read_clean
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.dni.quality import open_metric
from blendgan.dni.repair_pictures import RepairPictures
from blendgan.dni.sweep import sweep, swept
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Curve
from blendgan.images import grid, to_uint8
from blendgan.restoration.mixtures import mixture

ENLARGERS = ("realesr-general-x4v3", "realesr-general-wdn-x4v3")
DENOISERS = (  # two networks, and a level of noise between theirs
    ("dncnn17-gray-L", "dncnn17-gray-M", 20.0),
    ("dncnn17-gray-M", "dncnn17-gray-H", 38.0),
    ("dncnn17-gray-L", "dncnn17-gray-H", 33.0),
    ("dncnn17-gray-M", "dncnn17-gray-kair25", 25.0),
)
SETTING = Setting(steps=4, pruning="none")
NOISE = (0.0, 10.0, 25.0)  # of pictures to enlarge
ENLARGED_NOISE = 10.0  # of these, where the pair is beside others
FACE = slice(60, 220), slice(140, 300)  # rows and columns of astronaut that are shown


def study() -> Study:
    """Tables of the networks that are there."""
    if foreign_network(ENLARGERS[0]) is None:
        return Study("The networks of others were not at hand.")
    files = public_pictures()
    pair = [open_network(found) for name in ENLARGERS if (found := foreign_network(name))]
    enlarged = curves(pair, files, NOISE)
    plain = [(pair, next(curve for curve in enlarged if curve.noise == ENLARGED_NOISE))]
    plain += [(networks, curves(networks, files, (noise,))[0]) for networks, noise in denoisers()]
    parts = [
        f"**Super-resolution** ×4, {ENLARGERS[0]} (α = 0) to {ENLARGERS[1]} (α = 1), mean PSNR in dB:",
        enlarged_table(enlarged),
        "**Which pairs interpolate?** Index: the median over layers, and the least layer; cosine of all weights;",
        pairs_table(plain),
        "**REPAIR**, PSNR in dB without and with it:",
        repair_table(plain, files),
    ]
    return Study("\n\n".join(parts), {"dni-enlarged.png": strip(pair, files[0])})


def curves(
    networks: Sequence[NetworkFile],
    files: Sequence[CleanFile],
    noise: tuple[float, ...],
    repair: RepairPictures | None = None,
) -> tuple[Curve, ...]:
    """α at five places, each level of noise a curve."""
    return swept(sweep(networks, files, open_metric("psnr"), replace(SETTING, noise=noise), repair=repair)).curves


def denoisers() -> list[tuple[list[NetworkFile], float]]:
    """The pairs of denoisers, and the noise for each."""
    opened = {name: open_network(path) for names in DENOISERS for name in names[:2] if (path := foreign_network(name))}
    return [([opened[a], opened[b]], noise) for a, b, noise in DENOISERS if a in opened and b in opened]


def enlarged_table(found: Sequence[Curve]) -> str:
    """PSNR at each α and level of noise, and of the mean of pixels at the best."""
    rows = []
    for curve in found:
        figures = [f"{point.value:.2f}" for point in curve.points]
        best, pixels = curve.best, curve.best_pixels
        rows.append([f"{curve.noise:g}", f"{curve.input_value:.2f}", *figures, f"{best.value - pixels.pixels:+.2f}"])
    return markdown(("noise", "bicubic", *(f"α = {alpha:g}" for alpha in SETTING.alphas), "best − pixels"), rows)


def pairs_table(plain: Sequence[tuple[Sequence[NetworkFile], Curve]]) -> str:
    """The index, which does not tell, beside the barrier, which does."""
    rows = [pair_row(networks, curve) for networks, curve in plain]
    return markdown(
        ("pair", "noise", "index", "cosine", "input", "α = 0", "½", "1", "at worst against the line, dB", "verdict"),
        rows,
    )


def pair_row(networks: Sequence[NetworkFile], curve: Curve) -> list[str]:
    """One pair."""
    index = list(correlation(networks[0].tensors, networks[1].tensors).values())
    figures = [curve.input_value, *(curve.at(alpha).value for alpha in (0, 0.5, 1))]
    return [
        f"{curve.a} / {curve.b}",
        f"{curve.noise:g}",
        f"{median(index):.3f} ({min(index):.3f})",
        f"{cosine(networks[0].tensors, networks[1].tensors):.3f}",
        *(f"{value:.2f}" for value in figures),
        f"{curve.barrier.height_db:+.2f} at {curve.barrier.worst:g}",
        curve.barrier.verdict,
    ]


def cosine(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Of all weights and biases as one vector."""
    flat = [torch.cat([tensor.double().flatten() for tensor in state.values()]) for state in (a, b)]
    return float(cosine_similarity(flat[0], flat[1], dim=0))


def repair_table(plain: Sequence[tuple[Sequence[NetworkFile], Curve]], files: Sequence[CleanFile]) -> str:
    """PSNR at ¼, ½, ¾ without and with REPAIR, whose pictures are the test's own: the best that it could do."""
    rows = []
    for networks, curve in plain:
        mended = curves(networks, files, (curve.noise,), RepairPictures(tuple(files)))[0]
        told = [f"{curve.at(alpha).value:.2f} → {mended.at(alpha).value:.2f}" for alpha in (0.25, 0.5, 0.75)]
        ends = [f"{curve.at(alpha).value:.2f}" for alpha in (0, 1)]
        rows.append([f"{curve.a} / {curve.b}", f"{curve.noise:g}", ends[0], *told, ends[1]])
    return markdown(("pair", "noise", "α = 0", "¼", "½", "¾", "α = 1"), rows)


def strip(pair: Sequence[NetworkFile], file: CleanFile) -> Image.Image:
    """A face that was shrunk, with noise 10: bicubic, and the networks from one end to the other."""
    clean = read_clean(file, 3, 4, None)
    given = degrade(clean, 4, ENLARGED_NOISE, pattern_seed(0, file))
    cells = [torch.nn.functional.interpolate(given, scale_factor=4, mode="bicubic")]
    for alpha in SETTING.alphas:
        with torch.inference_mode():
            cells.append(mixture(pair, (1 - alpha, alpha)).network(given))
    shown = [Image.fromarray(to_uint8(cell.clamp(0, 1) * 2 - 1)[0][FACE]) for cell in (*cells, clean)]
    return grid({"": shown}, ["bicubic", *(f"alpha {alpha:g}" for alpha in SETTING.alphas), "clean"])
