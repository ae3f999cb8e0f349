"""What the paper measures of a tuning: PSNR along α at levels of noise, the best α, filter change, colour error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from blendgan.dni.degradation import CleanFile, degrade, pattern_seed, read_clean
from blendgan.dni.quality import psnr
from blendgan.restoration.restorer import Restorer
from blendgan.tuning.tuning import Tuning
from stylegan2.errors import InputError

COLOUR_PX = 16  # a side of the squares whose mean colours are compared: detail and noise average out
LEVELS = 255


@dataclass(frozen=True)
class Measured:
    """The mean PSNR in dB over the pictures, at one level of noise and one α; `index` of `total`."""

    index: int
    total: int
    noise: float
    alpha: float
    psnr: float


@dataclass(frozen=True)
class FilterChange:
    """Between both levels' filters: mean absolute difference of their numbers, and mean cosine of the filters."""

    mean_absolute: float
    cosine: float


def measure_psnr(
    restorer: Restorer,
    tuning: Tuning,
    files: Sequence[CleanFile],
    noise: Sequence[float],
    alphas: Sequence[float],
    *,
    crop_px: int | None = 256,
    seed: int = 0,
) -> Iterator[Measured]:
    """Yield the PSNR at each level of noise (of 255) and each α: Tables 1 and 2, and Figure 6, of Lee et al. 2020.

    Each picture has one noise pattern of its own at all levels and α.
    """
    clean = [read_clean(file, restorer.channels, restorer.scale, crop_px) for file in files]
    seeds = [pattern_seed(seed, file) for file in files]
    total = len(noise) * len(alphas)
    for index, (level, alpha) in enumerate(((level, alpha) for level in noise for alpha in alphas), 1):
        found = 0.0
        for picture, own_seed in zip(clean, seeds, strict=True):
            found += psnr(_run(tuning, degrade(picture, restorer.scale, level, own_seed), alpha), picture)
        yield Measured(index, total, level, alpha, found / len(clean))


def best_alphas(measured: Sequence[Measured]) -> dict[float, Measured]:
    """Return for each level of noise the best of the αs that were measured: the paper's grid search."""
    best: dict[float, Measured] = {}
    for one in measured:
        if one.noise not in best or one.psnr > best[one.noise].psnr:
            best[one.noise] = one
    return best


def linearity_error(best: dict[float, Measured], first: float, second: float) -> float:
    """Return how far the best αs are from (noise - first) / (second - first), mean absolute: 0 is Figure 6's ideal."""
    if first == second or not best:
        raise InputError(f"noise: found the levels {first:g} and {second:g}, expected two different ones")
    wanted = {noise: (noise - first) / (second - first) for noise in best}
    return sum(abs(one.alpha - wanted[noise]) for noise, one in best.items()) / len(best)


def filter_change(tuning: Tuning) -> FilterChange:
    """Return how far the second level's filters are from the first's (Table 3).

    Raises InputError for methods that change features alone.
    """
    pairs = list(tuning.filters().values())
    if not pairs:
        raise InputError(f"filters: found none that a {type(tuning).__name__} changes; it acts on features")
    return change_between(pairs)


def change_between(pairs: Sequence[tuple[Tensor, Tensor]]) -> FilterChange:
    """Return the same for any filters of two levels, [out, ...] each."""
    differences = torch.cat([(a - b).abs().reshape(-1) for a, b in pairs])
    cosines = [functional.cosine_similarity(a.flatten(1), b.flatten(1), dim=1) for a, b in pairs]
    return FilterChange(float(differences.double().mean()), float(torch.cat(cosines).double().mean()))


def colour_error(
    restorer: Restorer,
    tuning: Tuning,
    files: Sequence[CleanFile],
    noise: float,
    alphas: Sequence[float],
    *,
    crop_px: int | None = 256,
    seed: int = 0,
) -> dict[float, float]:
    """Return for each α how far colours are from those of the nearest end, α = 0 or 1: RMSE, in levels of 255.

    Compared are mean colours of squares of 16 px, so that what counts is colour, not detail (Figure 7).
    """
    errors = dict.fromkeys(alphas, 0.0)
    for file in files:
        clean = read_clean(file, restorer.channels, restorer.scale, crop_px)
        given = degrade(clean, restorer.scale, noise, pattern_seed(seed, file))
        ends = [_colours(_run(tuning, given, end)) for end in (0.0, 1.0)]
        for alpha in errors:
            found = _colours(_run(tuning, given, alpha)) - ends[alpha >= 0.5]
            errors[alpha] += LEVELS * float(found.square().mean().sqrt()) / len(files)
    return errors


def _run(tuning: Tuning, given: Tensor, alpha: float) -> Tensor:
    with torch.inference_mode():
        output: Tensor = tuning(given, alpha)
    return output.clamp(0, 1)


def _colours(picture: Tensor) -> Tensor:
    side = min(COLOUR_PX, *picture.shape[2:])
    return functional.avg_pool2d(picture, side)
