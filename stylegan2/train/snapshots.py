"""Files of a run: weights that anyone can load, and the state from which the run goes on.

network-snapshot-000160.safetensors   average, raw generator and discriminator, after 160 kimg
training-state.pt                     everything that moves, of the latest snapshot
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.config import DiscriminatorConfig, GeneratorConfig, from_json, to_json
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError
from stylegan2.generator import Generator
from stylegan2.loading import fill, unfilled
from stylegan2.train.config import TrainingConfig
from stylegan2.train.finite import require_finite_weights
from stylegan2.train.state import TrainingState, state_around

STATE_FILE = "training-state.pt"
MODULES = ("generator", "average", "discriminator", "optimizer_g", "optimizer_d")  # of a state, by their state dicts
NUMBERS = ("batches", "augment_p", "signs")  # what states of every version have besides
DAMAGED = (  # what torch.load raises on files that are cut off or hold something else, and what follows from those
    OSError, RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError,
    ArithmeticError, struct.error, zipfile.BadZipFile,
)  # fmt: skip


def save_state(state: TrainingState, config: TrainingConfig, folder: Path, lineage: dict[str, Any]) -> None:
    """Write `training-state.pt` into the folder: whole, or not at all.

    Raises Diverged for weights that are not finite, InputError where the file cannot be written; what was there stays.
    """
    require_finite_weights(state)
    contents = {
        "generator_config": to_json(state.generator.config),
        "discriminator_config": to_json(state.discriminator.config),
        "training_config": asdict(config),
        **state.numbers(),
        "lineage": lineage,
    }
    contents |= {name: getattr(state, name).state_dict() for name in MODULES}
    with writing(folder / STATE_FILE) as file:
        torch.save(contents, file)


def load_state(
    folder: Path, device: torch.device, kimg: float | None = None, snapshot_kimg: float | None = None
) -> tuple[TrainingState, TrainingConfig, dict[str, Any]]:
    """Return the state in a run's folder, the numbers it was begun with, and the run's lineage.

    Only the end and the snapshots of a run may change: the rest would make its numbers those of no run at all.
    Raises InputError if there is no state, or one that cannot be read.
    """
    file = folder / STATE_FILE
    if not file.is_file():
        raise InputError(
            f"{folder}: found no {STATE_FILE}; expected the folder of an earlier run. Start one without --resume"
        )
    changes: dict[str, Any] = {"kimg": kimg, "snapshot_kimg": snapshot_kimg}
    with _damage_named(file):
        contents = _read(file)
        saved = TrainingConfig(**contents["training_config"])
    config = replace(saved, **{name: number for name, number in changes.items() if number is not None})
    with _damage_named(file):
        return _state_of(contents, config, device), config, contents["lineage"]


def restore_state(state: TrainingState, folder: Path) -> None:
    """Set a state back, in place, to what the folder holds. Raises InputError if that cannot be read."""
    file = folder / STATE_FILE
    with _damage_named(file):
        _fill(state, _read(file))


def _read(file: Path) -> dict[str, Any]:
    """Data only: nothing in the file is executed."""
    contents: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return contents


def _state_of(contents: dict[str, Any], config: TrainingConfig, device: torch.device) -> TrainingState:
    generator = Generator(from_json(GeneratorConfig, contents["generator_config"]))
    discriminator = Discriminator(from_json(DiscriminatorConfig, contents["discriminator_config"]))
    state = state_around(generator, discriminator, config, device)
    _fill(state, contents)
    return state


def _fill(state: TrainingState, contents: dict[str, Any]) -> None:
    for name in MODULES:
        getattr(state, name).load_state_dict(contents[name])
    there = {name for name in state.numbers() if name in contents or name in NUMBERS}
    state.set_numbers({name: contents[name] for name in there})


@contextmanager
def _damage_named(file: Path) -> Iterator[None]:
    """Turn what a cut off or foreign file raises into an InputError with its name."""
    try:
        yield
    except DAMAGED as error:
        raise InputError(
            f"{file}: cannot be read ({type(error).__name__}), expected the whole state of a run; "
            "start from the run's last snapshot by --from"
        ) from error


def state_to_checkpoint(state: TrainingState, metadata: dict[str, Any]) -> Checkpoint:
    """Return all three networks as a checkpoint in memory, on the CPU."""
    tensors = _named(state.average, "") | _named(state.generator, RAW_PREFIX)
    tensors |= _named(state.discriminator, DISCRIMINATOR_PREFIX)
    return Checkpoint(state.generator.config, tensors, metadata, state.discriminator.config)


def checkpoint_to_state(checkpoint: Checkpoint, config: TrainingConfig, device: torch.device) -> TrainingState:
    """Return a state at batch 0 that starts from a model's weights: transfer learning.

    Both networks start from the moving average where the file has no raw generator. Raises CheckpointError if it has
    no discriminator, without which a transfer would have to begin from nothing.
    """
    if checkpoint.discriminator is None:
        raise CheckpointError("transfer: the model has no discriminator; expected a training snapshot or a full pickle")
    generator = unfilled(Generator, checkpoint.config)
    discriminator = unfilled(Discriminator, checkpoint.discriminator)
    fill(generator, _under(checkpoint, ("mapping.", "synthesis."), ""))
    average = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    raw = _under(checkpoint, (RAW_PREFIX,), RAW_PREFIX)
    if raw:
        noise = {name: tensor for name, tensor in average.items() if name.endswith(".noise_const")}
        fill(generator, raw | noise)  # rosinality draws noise for each network; the model's pictures have the average's
    discriminator.load_state_dict(_under(checkpoint, (DISCRIMINATOR_PREFIX,), DISCRIMINATOR_PREFIX), assign=True)
    state = state_around(generator, discriminator, config, device)
    state.average.load_state_dict(average)
    return state


def _named(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _under(checkpoint: Checkpoint, prefixes: tuple[str, ...], drop: str) -> dict[str, Tensor]:
    """Copies, since training moves them: the checkpoint's own may be a file's mapped bytes, or the caller's."""
    chosen = [name for name in checkpoint.tensors if name.startswith(prefixes)]
    return {name.removeprefix(drop): checkpoint.tensors[name].to(torch.float32, copy=True) for name in chosen}
