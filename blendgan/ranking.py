"""Channels + two models → the gain g of every channel; where g goes by a ranking, here it is made.

Change and correlation compare the filters that make a channel. Region asks the networks: BASE draws a few faces, and
in every layer TRANSFER's weights get BASE's own input. Where a channel then comes out different is where giving it to
TRANSFER acts first; the channels whose difference is strongest inside the region, relative to the rest of the picture,
come first. (docs/channels.md compares this with other measures.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from blendgan.channels import Channels, Lists, Measure, Ramp, Region, Top, leading
from blendgan.feature_maps import CONST_MAPS, map_counts, maps_of, resolution_of
from blendgan.kinship import filter_correlation
from blendgan.masks import BoxMask, Mask, load_mask
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.config import GeneratorConfig
from stylegan2.errors import RecipeError
from stylegan2.generator import Generator, truncate
from stylegan2.loading import load_generator, sample_w
from stylegan2.sites import CONST, SKIP, WEIGHT, site_of, sites

SAMPLES = 16  # faces; with any other 16, nine tenths of the shipped pair's chosen channels are the same
SEED = 0
TRUNCATION_PSI = 0.7  # as previews are drawn: faces that people look at
Gains = dict[str, tuple[float, ...]]  # maps, by the layer that makes them → g of each channel
Scores = dict[str, list[float]]
Inside = Callable[[int, int], Tensor]  # height, width → how much of each cell is inside the region, [H, W] in [0, 1]


def gains(channels: Channels, base: Checkpoint, transfer: Checkpoint) -> Gains:
    """Return g, in [0, 1], of every channel of all maps that a generator of this shape has.

    Both checkpoints are of one shape. Raises RecipeError for a list of another length, and for a region that is all of
    the picture or nothing of it; InputError for a mask that cannot be read.
    """
    counts = map_counts(base.config)
    match channels:
        case Ramp():
            return {maps: channels.gains(count) for maps, count in counts.items()}
        case Lists():
            return _listed(channels, base.config)
        case Top():
            scores = filter_scores(channels.by, base, transfer)
        case Region():
            scores = region_scores(channels, base, transfer)
    return {maps: leading(scores[maps], channels.share) for maps in counts}


def filter_scores(by: Measure, base: Checkpoint, transfer: Checkpoint) -> Scores:
    """Return for each channel how much the two models' filters differ: the higher, the sooner TRANSFER gives it.

    "change": the L2 norm of the difference over that of BASE's filter. NaN where that is 0 / 0. "correlation":
    minus the correlation index of the two filters, see `kinship.correlation`.
    """
    score = {"change": _change, "correlation": _contrast}[by]
    pairs = zip(_filters(base).items(), _filters(transfer).values(), strict=True)
    return {maps: score(a, b).tolist() for (maps, a), b in pairs}


def region_scores(region: Region, base: Checkpoint, transfer: Checkpoint) -> Scores:
    """Return for each channel the ratio of its mean absolute difference inside the region to that outside.

    The difference is TRANSFER's layer less BASE's, both given BASE's input, over SAMPLES faces of seed SEED. NaN for
    a channel that is the same in both models.
    """
    inside = inside_of(region)
    a, b = load_generator(base), load_generator(transfer)
    sums: dict[str, Tensor] = {}  # maps → mean inside and outside, [2, C]
    with torch.inference_mode(), _differing(a, b, partial(_add, sums, inside)):
        _add(sums, inside, CONST_MAPS, _const(b) - _const(a))
        for ws in _faces(a).split(1):  # one by one: large pictures need much memory
            a.synthesis(ws, noise_mode="const")
    return {maps: (within / without).tolist() for maps, (within, without) in sums.items()}


def inside_of(region: Region) -> Inside:
    """Return the region as a function of the maps' size: each cell counts by the part of it that is inside."""
    mask: Mask | BoxMask = load_mask(region.mask or "") if region.box is None else BoxMask(region.box)
    if region.sha256 and isinstance(mask, Mask) and mask.digest != region.sha256:
        raise RecipeError(
            f"{region.mask}: found a mask whose pixels have SHA-256 {mask.digest}, expected {region.sha256}, which the "
            "recipe pins: the file was changed or replaced. Put the right one back, or take sha256 out of the recipe"
        )
    return lambda height, width: mask.at(height, width)[0, 0]


def pinned(channels: Region) -> Region:
    """Return the region with its mask pinned, if it has one. Raises InputError for a mask that cannot be read."""
    return channels if channels.mask is None else replace(channels, sha256=load_mask(channels.mask).digest)


def _listed(lists: Lists, config: GeneratorConfig) -> Gains:
    if extra := [resolution for resolution, _ in lists.pairs if resolution not in config.resolutions]:
        found, known = ", ".join(map(str, extra)), ", ".join(map(str, config.resolutions))
        raise RecipeError(f"lists: found gains at {found} px, expected resolutions of this model: {known}")
    return {maps: lists.at(resolution_of(maps), count) for maps, count in map_counts(config).items()}


def _filters(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return what makes each channel of all maps, [channels, numbers], float64: its filter, and its row of the skip."""
    rows: dict[str, list[Tensor]] = {}
    for name, site in sites(checkpoint.config).items():
        if site.role in (CONST, WEIGHT, SKIP) and site.resolution is not None:
            rows.setdefault(maps_of(site), []).append(checkpoint.tensors[name].double().flatten(1))
    return {maps: torch.cat(parts, dim=1) for maps, parts in rows.items()}


def _change(a: Tensor, b: Tensor) -> Tensor:
    ratio: Tensor = (b - a).norm(dim=1) / a.norm(dim=1)
    return ratio


def _contrast(a: Tensor, b: Tensor) -> Tensor:
    return -filter_correlation("filters", a, b)


def _const(generator: Generator) -> Tensor:
    return generator.synthesis.get_parameter(CONST_MAPS)


def _faces(generator: Generator) -> Tensor:
    w = sample_w(generator, SAMPLES, SEED)
    return truncate(w[:, None].repeat(1, generator.config.num_ws, 1), generator.mapping.w_avg, TRUNCATION_PSI)


@contextmanager
def _differing(base: Generator, transfer: Generator, tell: Callable[[str, Tensor], None]) -> Iterator[None]:
    """While BASE draws, tell of every convolution what TRANSFER's would make of the same input, less BASE's output."""

    def compare(maps: str, other: nn.Module, _: Any, inputs: Any, words: Any, output: Tensor) -> None:
        tell(maps, (other(*inputs, **words) - output)[0])

    with ExitStack() as hooks:
        for name, layer in base.synthesis.named_modules():
            if name.endswith((".conv0", ".conv1", ".skip")):
                maps = maps_of(site_of(f"synthesis.{name}.weight"))
                hook = partial(compare, maps, transfer.synthesis.get_submodule(name))
                hooks.callback(layer.register_forward_hook(hook, with_kwargs=True).remove)
        yield


def _add(sums: dict[str, Tensor], inside: Inside, maps: str, difference: Tensor) -> None:
    """Add the means of a difference [C, H, W] inside the region and outside."""
    weights = inside(*difference.shape[1:])
    means = torch.stack([_mean(difference.abs(), part) for part in (weights, 1 - weights)])
    sums[maps] = sums[maps] + means if maps in sums else means


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    if not weights.sum() > 1e-6:  # rounding may leave a trace
        raise RecipeError("region: found all of the picture or nothing of it, expected a part to compare with the rest")
    return (values * weights).sum(dim=(1, 2)) / weights.sum()
