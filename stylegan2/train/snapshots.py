"""Files of a run: weights that anyone can load, and the state from which the run goes on.

network-snapshot-000160.safetensors   average, raw generator and discriminator, after 160 kimg
training-state.pt                     everything that moves, of the latest snapshot
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.config import DiscriminatorConfig, GeneratorConfig, from_json, to_json
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError
from stylegan2.generator import Generator
from stylegan2.train.config import TrainingConfig
from stylegan2.train.state import TrainingState, state_around

STATE_FILE = "training-state.pt"


def save_state(state: TrainingState, config: TrainingConfig, folder: Path, lineage: dict[str, Any]) -> None:
    """Write `training-state.pt` into the folder: whole, or not at all."""
    contents = {
        "generator_config": to_json(state.generator.config),
        "discriminator_config": to_json(state.discriminator.config),
        "training_config": asdict(config),
        "generator": state.generator.state_dict(),
        "average": state.average.state_dict(),
        "discriminator": state.discriminator.state_dict(),
        "optimizer_g": state.optimizer_g.state_dict(),
        "optimizer_d": state.optimizer_d.state_dict(),
        "batches": state.batches,
        "augment_p": state.augment_p,
        "signs": state.signs,
        "lineage": lineage,
    }
    temporary = folder / f"{STATE_FILE}.tmp"
    with temporary.open("wb") as file:
        torch.save(contents, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / STATE_FILE)


def load_state(folder: Path, config: TrainingConfig, device: torch.device) -> tuple[TrainingState, dict[str, Any]]:
    """Return the state in a run's folder and the run's lineage.

    Raises InputError if there is none, or if numbers that fix the run's course differ from those it was begun with.
    """
    file = folder / STATE_FILE
    if not file.is_file():
        raise InputError(
            f"{folder}: found no {STATE_FILE}; expected the folder of an earlier run. Start one without --resume"
        )
    contents = torch.load(file, map_location=device, weights_only=True)  # data only, nothing in it is executed
    _check_same_course(contents["training_config"], config, file)
    generator = Generator(from_json(GeneratorConfig, contents["generator_config"]))
    discriminator = Discriminator(from_json(DiscriminatorConfig, contents["discriminator_config"]))
    state = state_around(generator, discriminator, config, device)
    state.generator.load_state_dict(contents["generator"])
    state.average.load_state_dict(contents["average"])
    state.discriminator.load_state_dict(contents["discriminator"])
    state.optimizer_g.load_state_dict(contents["optimizer_g"])
    state.optimizer_d.load_state_dict(contents["optimizer_d"])
    state.batches, state.augment_p, state.signs = contents["batches"], contents["augment_p"], contents["signs"]
    return state, contents["lineage"]


def saved_config(folder: Path) -> TrainingConfig:
    """Return the numbers that the run in this folder was begun with. Raises InputError if there is no run."""
    file = folder / STATE_FILE
    if not file.is_file():
        raise InputError(
            f"{folder}: found no {STATE_FILE}; expected the folder of an earlier run. Start one without --resume"
        )
    return TrainingConfig(**torch.load(file, map_location="cpu", weights_only=True)["training_config"])


def _check_same_course(saved: dict[str, Any], config: TrainingConfig, file: Path) -> None:
    """Only the end and the snapshots of a run may change: the rest would make its numbers those of no run at all."""
    free = {"kimg", "snapshot_kimg"}
    changed = [
        f"{k}: {v} in the run, {getattr(config, k)} now"
        for k, v in saved.items()
        if k not in free and getattr(config, k) != v
    ]
    if changed:
        raise InputError(
            f"{file}: the run was begun with other numbers ({'; '.join(changed)}); leave those options out"
        )


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
    generator, discriminator = Generator(checkpoint.config), Discriminator(checkpoint.discriminator)
    plain = _under(checkpoint, ("mapping.", "synthesis."), "")
    generator.load_state_dict(plain, strict=True)
    state_average = generator.state_dict()
    raw = _under(checkpoint, (RAW_PREFIX,), RAW_PREFIX)
    average = {name: tensor.clone() for name, tensor in state_average.items()}
    if raw:
        generator.load_state_dict(raw, strict=True)
    discriminator.load_state_dict(_under(checkpoint, (DISCRIMINATOR_PREFIX,), DISCRIMINATOR_PREFIX), strict=True)
    state = state_around(generator, discriminator, config, device)
    state.average.load_state_dict(average)
    return state


def _named(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _under(checkpoint: Checkpoint, prefixes: tuple[str, ...], drop: str) -> dict[str, Tensor]:
    chosen = [name for name in checkpoint.tensors if name.startswith(prefixes)]
    return {name.removeprefix(drop): checkpoint.tensors[name].to(torch.float32) for name in chosen}
