"""The loop: batches in, events out. Nothing here prints; snapshots and logs are written by who listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Dataset
from stylegan2.train.state import TrainingState, overfitting, train_batch


@dataclass(frozen=True)
class Progress:
    """After a batch: how far the run is, how fast, and the means that tell whether it is well."""

    kimg: float
    total_kimg: float
    images_per_second: float
    r_t: float
    augment_p: float
    losses: dict[str, float]
    snapshot_due: bool


def train(state: TrainingState, data: Dataset, config: TrainingConfig) -> Iterator[Progress]:
    """Train until `config.kimg`, yielding after every batch; the state is changed in place."""
    device = state.generator.device
    started, first = time.monotonic(), state.batches
    every = max(round(config.snapshot_kimg * 1000 / config.batch), 1)  # batches between snapshots
    last = -(-int(config.kimg * 1000) // config.batch)
    r_t = 0.0
    while state.batches < last:
        real = data.batch(state.batches, config.batch, config.seed, mirror=config.mirror).pictures.to(device)
        losses = train_batch(state, real, config)
        r_t = overfitting(state) if state.signs else r_t
        yield Progress(
            kimg=state.batches * config.batch / 1000,
            total_kimg=config.kimg,
            images_per_second=(state.batches - first) * config.batch / (time.monotonic() - started),
            r_t=r_t,
            augment_p=state.augment_p,
            losses=losses,
            snapshot_due=state.batches % every == 0 or state.batches == last,
        )
