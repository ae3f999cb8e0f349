"""The loop: batches in, events out. Nothing here prints; snapshots and logs are written by who listens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Batch, Dataset
from stylegan2.train.finite import gradient_norms, require_finite_step
from stylegan2.train.generator_step import GeneratorTerm
from stylegan2.train.state import FAKE_LABELS, TrainingState, agree
from stylegan2.train.step import overfitting, parts_of, train_batch


@dataclass(frozen=True)
class Progress:
    """After a batch: how far the run is, how fast, and the means that tell whether it is well."""

    kimg: float
    total_kimg: float
    images_per_second: float  # since the loop began, without the time of snapshots
    r_t: float
    augment_p: float
    losses: dict[str, float]
    gradient_norms: dict[str, float]  # of generator and discriminator
    data_seconds: float  # of this batch: reading it
    step_seconds: float  # of this batch: learning from it
    snapshot_due: bool


def train(
    state: TrainingState, data: Dataset, config: TrainingConfig, term: GeneratorTerm | None = None
) -> Iterator[Progress]:
    """Train until `config.kimg`, yielding after every batch; the state is changed in place.

    term: added to the generator's loss. Raises Diverged after a batch whose loss or gradient is not finite: the state
    is then of no more use.
    """
    here = parts_of(state, config).here
    agree(state)
    first = state.batches
    last = -(-int(config.kimg * 1000) // config.batch)
    drawn = with_other_numbers(config, state.rollbacks)
    r_t = busy_seconds = 0.0
    while state.batches < last:
        began = time.monotonic()
        batch, fake_labels = _read(state, data, drawn, here)
        read = time.monotonic()
        losses, norms = _learn(state, batch, drawn, fake_labels, term)
        done = time.monotonic()
        busy_seconds += done - began
        r_t = overfitting(state) if state.signs else r_t
        yield Progress(
            kimg=kimg_of(state, config),
            total_kimg=config.kimg,
            images_per_second=(state.batches - first) * config.batch / busy_seconds,
            r_t=r_t,
            augment_p=state.augment_p,
            losses=losses,
            gradient_norms=norms,
            data_seconds=read - began,
            step_seconds=done - read,
            snapshot_due=state.batches % batches_in(config.snapshot_kimg, config) == 0 or state.batches == last,
        )


def _read(
    state: TrainingState, data: Dataset, config: TrainingConfig, here: Sequence[int]
) -> tuple[Batch, Tensor | None]:
    """Return the next batch's pictures at the places `here`, and labels for what G will draw."""
    batch = data.batch(state.batches, config.batch, config.seed, mirror=config.mirror, places=here)
    return batch, data.labels(state.batches, config.batch, config.seed, FAKE_LABELS)


def _learn(
    state: TrainingState, batch: Batch, config: TrainingConfig, fake_labels: Tensor | None, term: GeneratorTerm | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Take both steps; returns losses and gradient norms. Raises Diverged where they are not finite."""
    losses = train_batch(state, batch, config, fake_labels, term)
    norms = gradient_norms(state)
    # In fp16 a step whose gradients overflow is left out, and the scale of its loss lowered.
    require_finite_step(state, losses, norms if config.precision != "fp16" else {})
    return losses, norms


def kimg_of(state: TrainingState, config: TrainingConfig) -> float:
    """Return how many thousand real pictures the run has shown."""
    return state.batches * config.batch / 1000


def batches_in(kimg: float, config: TrainingConfig) -> int:
    """Return the number of batches nearest to so many thousand pictures, at least 1."""
    return max(round(kimg * 1000 / config.batch), 1)


def with_other_numbers(config: TrainingConfig, rollbacks: int) -> TrainingConfig:
    """Return the config itself for 0 rollbacks; after n, one whose seed is drawn from the run's and n.

    Batch i would else show the same pictures and latents again, and on a CPU end in the same NaN.
    """
    if not rollbacks:
        return config
    (seed,) = np.random.SeedSequence([config.seed, rollbacks]).generate_state(1)
    return replace(config, seed=int(seed))
