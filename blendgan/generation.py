"""Pictures from seeds: for each seed one latent, one source of noise, one picture; by a model, or by a blend."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from blendgan import __version__
from blendgan.blending import blend_models
from blendgan.recipe import KEY, Recipe
from blendgan.sources import Source
from blendgan.spatial import Masking, SpatialPair
from stylegan2.checkpoints import Checkpoint, fingerprint
from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError, RecipeError
from stylegan2.generator import Generator
from stylegan2.loading import load_generator, open_model

METADATA_KEY = "blendgan"  # of the text in a PNG file
PAPERS = {"command": "generate", "version": __version__}


@dataclass(frozen=True, eq=False)
class Blending:
    """A blend to draw with and not to keep: BASE, its TRANSFERs, the recipe; `masking` says where it replaces BASE."""

    sources: tuple[Source, ...]
    recipe: Recipe
    masking: Masking | None = None  # None: everywhere


@dataclass(frozen=True)
class Drawing:
    """What to draw. `network`: a path or shipped name, or a blend. truncation_psi: 1 = off, 0 = the mean face."""

    network: str | Blending
    seeds: tuple[int, ...]
    truncation_psi: float = 1.0
    class_index: int | None = None
    noise_mode: str = "const"  # or random (from the seed), none
    precision: str = "fp32"


@dataclass(frozen=True)
class GeneratedPicture:
    """One picture [1, 3, H, W], about [-1, 1], not clamped, and the text that tells how to draw it again."""

    seed: int
    image: Tensor
    metadata: dict[str, str]

    @property
    def filename(self) -> str:
        """The name that users of StyleGAN expect."""
        return f"seed{self.seed:04d}.png"


def latent_of(seed: int, z_dim: int) -> Tensor:
    """Return z [1, z_dim] of a seed: the first draw of numpy's RandomState, as everywhere in StyleGAN's world."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).to(torch.float32)


def label_of(config: GeneratorConfig, class_index: int | None) -> Tensor | None:
    """Return c [1, num_classes], or None without classes. Raises InputError if class and model do not fit."""
    count = config.num_classes
    if class_index is None and count == 0:
        return None
    if count == 0:
        raise InputError(f"class {class_index}: this model has no classes; leave the class out")
    if class_index is None:
        raise InputError(f"class: this model has {count} classes; choose one, 0 … {count - 1}")
    if not 0 <= class_index < count:
        raise InputError(f"class {class_index}: this model has {count} classes; choose one, 0 … {count - 1}")
    return torch.nn.functional.one_hot(torch.tensor([class_index]), count).to(torch.float32)


def generate(drawing: Drawing, device: torch.device | None = None) -> Iterator[GeneratedPicture]:
    """Yield one picture for each seed, each rendered alone, so that a seed gives the same bytes in any company.

    Raises InputError if class and model do not fit, CheckpointError or UnknownWeights if there is no such model,
    RecipeError for a masked blend with another mapping network than BASE's, and what blending raises.
    """
    device = torch.device("cpu") if device is None else device
    if isinstance(drawing.network, Blending) and drawing.network.masking is not None:
        _require_mapping_of_base(drawing.network.recipe)
    generator, papers = open_generator(drawing.network, drawing.precision)
    generator = generator.to(device)
    label = label_of(generator.config, drawing.class_index)
    label = None if label is None else label.to(device)
    papers = papers | _words(drawing)
    for seed in drawing.seeds:
        noise_source = torch.Generator(device).manual_seed(seed)
        with torch.inference_mode():
            z = latent_of(seed, generator.config.z_dim).to(device)
            ws = generator.mapping(z, label, truncation_psi=drawing.truncation_psi)
            image = generator.synthesis(ws, noise_mode=drawing.noise_mode, generator=noise_source)
        yield GeneratedPicture(seed, image, {METADATA_KEY: json.dumps(papers | {"seed": seed})})


def open_generator(network: str | Blending, precision: str = "fp32") -> tuple[Generator, dict[str, Any]]:
    """Return a model or blend, ready to draw on the CPU, and what a picture's metadata says of it.

    Of a path only the name: pictures travel, and folders are private. A recipe keeps its models' names as they were
    given, so that it can be carried out again. Raises what loading, blending and SpatialPair raise.
    """
    if isinstance(network, Blending):
        return _open_blend(network, precision)
    checkpoint = open_model(network)
    papers = {**PAPERS, "network": Path(network).name, "fingerprint": fingerprint(checkpoint)}
    papers |= recipe_of_model(checkpoint)
    return load_generator(checkpoint, precision=precision), papers


def recipe_of_model(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the recipe that made a blended model, under its key; of others nothing, nor a recipe they recommend."""
    lineage = checkpoint.metadata.get("lineage")
    is_blend = isinstance(lineage, Mapping) and "blend" in lineage and KEY in checkpoint.metadata
    return {KEY: checkpoint.metadata[KEY]} if is_blend else {}


def _open_blend(blending: Blending, precision: str) -> tuple[Generator, dict[str, Any]]:
    blended = blend_models(blending.sources, blending.recipe)
    papers = {**PAPERS, KEY: blended.metadata[KEY], "fingerprint": fingerprint(blended)}
    generator = load_generator(blended, precision=precision)
    if blending.masking is None:
        return generator, papers
    base = load_generator(blending.sources[0].checkpoint, precision=precision)
    pair = SpatialPair(base, generator, blending.masking.mask, blending.masking.from_resolution)
    return pair, papers | {"mask": pair.papers()}


def _require_mapping_of_base(recipe: Recipe) -> None:
    """Both of a masked pair draw the same w, so a seed could be only one of their pictures."""
    for name in ("mapping", "w_avg"):
        policy = getattr(recipe, name)
        if policy not in ("base", 0):
            raise RecipeError(
                f"{name}: found {policy}, expected base, since with a mask both models draw the same w; "
                "change the recipe, or leave the mask out"
            )


def _words(drawing: Drawing) -> dict[str, Any]:
    """How it was drawn: all but model and seeds."""
    words = {field.name: getattr(drawing, field.name) for field in fields(drawing)}
    del words["network"], words["seeds"]
    return words
