"""The sheet beside a blend: a row of pictures for each model, the same seeds in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image

from blendgan.images import grid, to_pictures
from blendgan.rendering import Setting, open_renderer
from stylegan2.checkpoints import Checkpoint


@dataclass(frozen=True)
class View:
    """What to look at. truncation_psi: 1 = off, 0 = the mean face; class_index None is class 0, or no class."""

    seeds: tuple[int, ...]
    truncation_psi: float = Setting.truncation_psi
    class_index: int | None = None
    device: torch.device = Setting.device


def preview(models: Mapping[str, Checkpoint], view: View) -> Image.Image:
    """Render each model (caption → checkpoint) at the same latents, RandomState(seed), one column for each seed.

    Raises InputError if class and model do not fit.
    """
    rows = {caption: _row(checkpoint, view) for caption, checkpoint in models.items()}
    return grid(rows, columns=[f"seed {seed}" for seed in view.seeds])


def _row(checkpoint: Checkpoint, view: View) -> list[Image.Image]:
    some_class = 0 if view.class_index is None and checkpoint.config.num_classes else view.class_index
    renderer = open_renderer(checkpoint, Setting(view.truncation_psi, some_class, device=view.device))
    return to_pictures(renderer.draw_seeds(view.seeds))
