"""One step of the discriminator, with R1 on every `r1_interval`-th batch, weighted to make up for the others."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from stylegan2.train.augment import Changes, apply_changes, draw_changes
from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Batch, seeded
from stylegan2.train.losses import discriminator_loss, r1_penalty
from stylegan2.train.parts import Parts, at
from stylegan2.train.state import DRAW_D, TrainingState
from stylegan2.train.update import Update, to_numbers


def step_discriminator(
    state: TrainingState,
    config: TrainingConfig,
    parts: Parts,
    real: Batch,
    fakes: Sequence[Tensor],
    fake_labels: Tensor | None,
) -> dict[str, float]:
    """One step of D on `real`, the pictures at the places of the parts here, and what G drew for each part."""
    draw = seeded(config.seed, DRAW_D, state.batches, real.pictures.device)
    size = (real.pictures.shape[3], real.pictures.shape[2])
    of_fakes, of_real = (draw_changes(config.augpipe, config.batch, size, state.augment_p, draw) for _ in range(2))
    update = Update(state.optimizer_d, state.scale_d, parts, checked=config.precision == "fp16")
    first = 0
    for places, fake in zip(parts.places, fakes, strict=True):
        shown = slice(first, first := first + len(places))
        labels = None if real.labels is None else real.labels[shown]
        labels_of_fake = None if fake_labels is None else at(fake_labels, places)
        fake_logits = state.discriminator(apply_changes(fake, of_fakes.at(places)), labels_of_fake)
        _add_part(update, state, config, fake_logits, Batch(real.pictures[shown], labels), of_real.at(places))
    figures = to_numbers(update.finish())
    state.signs.append(figures.pop("sign"))
    return figures


def _add_part(
    update: Update, state: TrainingState, config: TrainingConfig, fake_logits: Tensor, real: Batch, changes: Changes
) -> None:
    regularised = state.batches % config.r1_interval == 0
    pictures = real.pictures.detach().requires_grad_(regularised)
    real_logits = state.discriminator(apply_changes(pictures, changes), real.labels)
    loss = discriminator_loss(real_logits, fake_logits)
    figures = {
        "loss_d": loss,
        "real": real_logits.mean(),
        "fake": fake_logits.mean(),
        "sign": real_logits.sign().mean(),
    }
    if regularised:
        figures["r1"] = r1_penalty(real_logits, pictures)
        loss = loss + figures["r1"] * (config.gamma * config.r1_interval)
    update.add(loss, **figures)
