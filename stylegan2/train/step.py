"""One batch: a step of G, a step of D, the moving average, ADA's p."""

from __future__ import annotations

from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.train import ema, parts, processes
from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import Batch, Dataset
from stylegan2.train.discriminator_step import step_discriminator
from stylegan2.train.generator_step import GeneratorTerm, step_generator
from stylegan2.train.parts import Parts
from stylegan2.train.state import TrainingState


def train_batch(
    state: TrainingState,
    batch: Batch,
    config: TrainingConfig,
    fake_labels: Tensor | None = None,
    term: GeneratorTerm | None = None,
) -> dict[str, float]:
    """Show one batch and change the state by it. Returns the batch's losses, the same in every process.

    batch: the real pictures at `parts_of(state, config).here`. fake_labels: [config.batch, num_classes], for models
    with classes. term: added to G's loss. Raises InputError for labels that do not fit the model, ValueError for
    another number of pictures.
    """
    here = parts_of(state, config)
    if len(batch.pictures) != len(here.here):
        raise ValueError(f"batch: found {len(batch.pictures)} pictures, expected {len(here.here)}, those at parts.here")
    _check_labels(state, batch, fake_labels)
    batch = _for_model(state, batch)
    labels = None if batch.labels is None or fake_labels is None else fake_labels.to(state.generator.device)
    fakes, figures = step_generator(state, config, here, labels, term)
    figures |= step_discriminator(state, config, here, batch, fakes, labels)
    state.batches += 1
    shown_kimg = state.batches * config.batch / 1000
    decay = ema.decay_for(config.ema_kimg, shown_kimg, config.batch, config.ema_rampup)
    ema.update(state.average, state.generator, decay)
    _adapt_augmentation(state, config)
    return figures


def parts_of(state: TrainingState, config: TrainingConfig) -> Parts:
    """Return which places of every batch this process computes, and how. Raises InputError where groups would tear."""
    d_config = state.discriminator.config
    group = d_config.minibatch_group if d_config.minibatch_channels else 1
    return parts.cut(config.batch, group, config.batch_gpu, processes=processes.count(), rank=processes.rank())


def require_fit(state: TrainingState, config: TrainingConfig, data: Dataset) -> None:
    """Raise InputError where the data lacks the model's classes, or a batch cannot be cut for these processes."""
    parts_of(state, config)
    _require_classes(state, "data", data.num_classes)


def _check_labels(state: TrainingState, batch: Batch, fake_labels: Tensor | None) -> None:
    for name, labels in (("labels", batch.labels), ("fake_labels", fake_labels)):
        _require_classes(state, name, 0 if labels is None else labels.shape[1])


def _require_classes(state: TrainingState, name: str, found: int) -> None:
    """A model without classes takes any data."""
    expected = state.generator.config.num_classes
    if expected and found != expected:
        raise InputError(f"{name}: found {found} classes, expected {expected}, as the model has; choose other data")


def _for_model(state: TrainingState, batch: Batch) -> Batch:
    """Bring a batch to the model's device, without labels that the model has no use for."""
    device = state.generator.device
    labels = batch.labels if state.generator.config.num_classes else None
    return Batch(batch.pictures.to(device), None if labels is None else labels.to(device))


def _adapt_augmentation(state: TrainingState, config: TrainingConfig) -> None:
    """Move p so that r_t = E[sign D(real)] comes to the target (Karras et al. 2020a, section 3)."""
    if len(state.signs) < config.ada_interval:
        return
    r_t = overfitting(state)
    state.signs.clear()
    if config.ada_target is None:
        return
    change = config.batch * config.ada_interval / (config.ada_kimg * 1000)
    state.augment_p = min(max(state.augment_p + (change if r_t > config.ada_target else -change), 0.0), 1.0)


def overfitting(state: TrainingState) -> float:
    """r_t: mean sign of D on real pictures since p last changed; 0 = no overfitting, 1 = complete."""
    return sum(state.signs) / max(len(state.signs), 1)
