"""Two sets of pictures, from a data set and from a generator, as features: the same pictures for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.train.data import Dataset, seeded
from stylegan2.train.metric_features import FeatureNetwork, to_bytes

LATENTS, LABELS = 100, 101  # purposes of random numbers: apart from those of training


@dataclass(frozen=True)
class Sampling:
    """num: pictures of each set, at most; truncation_psi: 1 = off, as the papers have it; batch: drawn at a time."""

    num: int = 2000
    seed: int = 0
    truncation_psi: float = 1.0
    batch: int = 32


def real_features(data: Dataset, network: FeatureNetwork, sampling: Sampling) -> Tensor:
    """Return features [M, D] of M = min(num, len(data)) pictures, chosen by the seed, none twice, none mirrored."""
    return torch.cat([network(pictures) for pictures in _real_batches(data, sampling)])


def fake_features(
    generator: Generator, network: FeatureNetwork, sampling: Sampling, data: Dataset | None = None
) -> Tensor:
    """Return features [num, D] of pictures that a generator draws, with its own noise (`const`).

    Labels are drawn from the data's own where its classes are the generator's, else evenly.
    """
    return torch.cat([network(pictures) for pictures in draw(generator, sampling, data)])


@torch.inference_mode()
def draw(generator: Generator, sampling: Sampling, data: Dataset | None = None) -> Iterator[Tensor]:
    """Yield pictures uint8 [batch, 3, H, W]; which ones does not depend on the size of the batch."""
    z, labels = latents(generator, sampling, data)
    for part in torch.arange(sampling.num).split(sampling.batch):
        c = None if labels is None else labels[part].to(generator.device)
        psi = sampling.truncation_psi
        ws = generator.mapping(z[part].to(generator.device), c, truncation_psi=psi)
        yield to_bytes(generator.synthesis(ws, noise_mode="const"))


def latents(
    generator: Generator, sampling: Sampling, data: Dataset | None = None, stream: int = LATENTS
) -> tuple[Tensor, Tensor | None]:
    """Return z [num, z_dim], and labels [num, num_classes] for a generator that has classes."""
    z = torch.randn([sampling.num, generator.config.z_dim], generator=seeded(sampling.seed, stream, 0))
    return z, _labels(generator.config.num_classes, sampling, data)


def _labels(classes: int, sampling: Sampling, data: Dataset | None) -> Tensor | None:
    if not classes:
        return None
    if data is not None and data.num_classes == classes:
        return data.labels(0, sampling.num, sampling.seed, LABELS)
    drawn = torch.randint(classes, [sampling.num], generator=seeded(sampling.seed, LABELS, 0))
    return torch.eye(classes)[drawn]


def _real_batches(data: Dataset, sampling: Sampling) -> Iterator[Tensor]:
    count = min(sampling.num, len(data))
    for number, first in enumerate(range(0, count, sampling.batch)):
        pictures = data.batch(number, sampling.batch, sampling.seed, mirror=False).pictures
        yield to_bytes(pictures[: count - first])
