"""Any known model format → our safetensors, and the proof that both render the same picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from blendgan.generation import Drawing, generate
from stylegan2 import checkpoints
from stylegan2.errors import InputError
from stylegan2.loading import open_model

ENDING = ".safetensors"
SEEDS = (0, 1, 2, 3)
PSI = 0.7  # neither 0 nor 1, so that both the latents and the mean w count


@dataclass(frozen=True)
class Verification:
    """How far two models' pictures of the same seeds are apart; pictures lie in about [-1, 1]."""

    largest_difference: float
    pictures: int


def convert(source: str, target: Path, *, replace: bool = False) -> None:
    """Write the model `source` (a path or a shipped name) to `target`, a file that ends in .safetensors.

    Raises InputError for another ending, and for a target that is there already unless `replace`; CheckpointError.
    """
    if target.suffix != ENDING:
        raise InputError(f"{target}: found the ending {target.suffix!r}, expected {ENDING}, the form that is written")
    if target.exists() and not replace:
        raise InputError(f"{target}: is there already; choose another name, or replace it with --force")
    checkpoints.save(open_model(source), target, replace=replace)


def verify(source: str, target: Path) -> Verification:
    """Render the same seeds with both models and compare every pixel."""
    difference = (_render(source) - _render(str(target))).abs().max()
    return Verification(float(difference), len(SEEDS))


def _render(network: str) -> Tensor:
    class_index = 0 if open_model(network).config.num_classes else None
    pictures = generate(Drawing(network, SEEDS, PSI, class_index))
    return torch.cat([picture.image for picture in pictures])  # [4, 3, H, W]
