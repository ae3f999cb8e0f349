"""Perceptual path length: how evenly pictures change along a straight line in w (Karras et al. 2019, section 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.train.data import Dataset, seeded
from stylegan2.train.metric_samples import Sampling, latents

EPSILON = 1e-4  # step along the line, as in the paper; small enough for a slope, large enough for float32
PLACES = 102  # purpose of random numbers
TRIMMED = 0.01  # share of the shortest and of the longest that the mean leaves out, as the usual programs do
Distance = Callable[[Tensor, Tensor], Tensor]  # pictures [N, 3, H, W] twice -> [N]


def path_length_end(generator: Generator, distance: Distance, sampling: Sampling, data: Dataset | None = None) -> float:
    """PPL at the ends of paths, t = 0, in w without truncation (Karras et al. 2020b, section 3.2)."""
    return _trimmed_mean(_lengths(generator, distance, sampling, data, torch.zeros(sampling.num)))


def path_length_full(
    generator: Generator, distance: Distance, sampling: Sampling, data: Dataset | None = None
) -> float:
    """PPL along whole paths, t ~ U(0, 1) (Karras et al. 2019, equation 3)."""
    places = torch.rand(sampling.num, generator=seeded(sampling.seed, PLACES, 0))
    return _trimmed_mean(_lengths(generator, distance, sampling, data, places))


@torch.inference_mode()
def _lengths(
    generator: Generator, distance: Distance, sampling: Sampling, data: Dataset | None, places: Tensor
) -> Tensor:
    """d(G(lerp(w1, w2; t)), G(lerp(w1, w2; t + ε))) / ε² of each path [num]; both ends of a path share its label."""
    both = latents(generator, replace(sampling, num=2 * sampling.num), data)
    ends = _ends(generator, *both, sampling)
    lengths = []
    for (start, end), t in zip(ends, places.split(sampling.batch), strict=True):
        t = t[:, None].to(generator.device)
        near, far = (_draw(generator, torch.lerp(start, end, place)) for place in (t, t + EPSILON))
        lengths.append(distance(near, far) / EPSILON**2)
    return torch.cat(lengths).double().cpu()


def _ends(
    generator: Generator, z: Tensor, labels: Tensor | None, sampling: Sampling
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield w [batch, w_dim] of both ends of the next paths."""
    for part in torch.arange(sampling.num).split(sampling.batch):
        c = None if labels is None else labels[part].to(generator.device)
        start, end = (z[places].to(generator.device) for places in (part, part + sampling.num))
        yield generator.mapping.map(start, c), generator.mapping.map(end, c)


def _draw(generator: Generator, w: Tensor) -> Tensor:
    ws = w[:, None].expand(-1, generator.config.num_ws, -1)
    pictures: Tensor = generator.synthesis(ws, noise_mode="const")  # the same noise at both places
    return pictures


def _trimmed_mean(lengths: Tensor) -> float:
    low, high = torch.quantile(lengths, torch.tensor([TRIMMED, 1 - TRIMMED], dtype=lengths.dtype))
    return lengths[(lengths >= low) & (lengths <= high)].mean().item()
