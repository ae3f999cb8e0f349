"""The sheet beside a blend: a row of pictures for each model, the same seeds in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from PIL import Image

from blendgan.generation import label_of, latent_of
from blendgan.images import grid, to_pictures
from stylegan2 import load_generator
from stylegan2.checkpoints import Checkpoint
from stylegan2.generator import Generator


@dataclass(frozen=True)
class View:
    """What to look at. truncation_psi: 1 = off, 0 = the mean face; class_index None is class 0, or no class."""

    seeds: tuple[int, ...]
    truncation_psi: float = 0.7  # the customary trade of variety for quality
    class_index: int | None = None
    device: torch.device = torch.device("cpu")


def preview(models: Mapping[str, Checkpoint], view: View) -> Image.Image:
    """Render each model (caption → checkpoint) at the same latents, RandomState(seed), one column for each seed.

    Raises InputError if class and model do not fit.
    """
    rows = {}
    for caption, checkpoint in models.items():
        generator = load_generator(checkpoint).to(view.device)
        rows[caption] = [_draw(generator, seed, view) for seed in view.seeds]
    return grid(rows, columns=[f"seed {seed}" for seed in view.seeds])


@torch.inference_mode()
def _draw(generator: Generator, seed: int, view: View) -> Image.Image:
    config = generator.config
    label = label_of(config, 0 if view.class_index is None and config.num_classes else view.class_index)
    z = latent_of(seed, config.z_dim).to(view.device)
    ws = generator.mapping(z, None if label is None else label.to(view.device), truncation_psi=view.truncation_psi)
    return to_pictures(generator.synthesis(ws, noise_mode="const"))[0]
