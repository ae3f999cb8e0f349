"""Pictures from seeds: for each seed one latent, one source of noise, one picture; by a model, or by a blend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from blendgan.blending import blend_models
from blendgan.papers import papers, text_of
from blendgan.recipe import Recipe
from blendgan.rendering import Setting, renderer_of
from blendgan.sources import Source, open_source
from blendgan.spatial import Masking, SpatialPair
from stylegan2.errors import RecipeError
from stylegan2.generator import Generator
from stylegan2.loading import load_generator


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


def generate(drawing: Drawing, device: torch.device | None = None) -> Iterator[GeneratedPicture]:
    """Yield one picture for each seed, each rendered alone, so that a seed gives the same bytes in any company.

    Raises InputError if class and model do not fit, CheckpointError or UnknownWeights if there is no such model,
    RecipeError for a masked blend with another mapping network than BASE's, and what blending raises.
    """
    device = torch.device("cpu") if device is None else device
    if isinstance(drawing.network, Blending) and drawing.network.masking is not None:
        _require_mapping_of_base(drawing.network.recipe)
    generator, said = open_generator(drawing.network, drawing.precision)
    renderer = renderer_of(generator, Setting(drawing.truncation_psi, drawing.class_index, device=device))
    said |= _words(drawing)
    for seed in drawing.seeds:
        noise_source = torch.Generator(device).manual_seed(seed)
        image = renderer.draw(renderer.styles_of([seed]), drawing.noise_mode, noise_source)
        yield GeneratedPicture(seed, image, text_of(said | {"seed": seed}))


def open_generator(network: str | Blending, precision: str = "fp32") -> tuple[Generator, dict[str, Any]]:
    """Return a model or blend, ready to draw on the CPU, and what a picture's metadata says of it.

    Raises what loading, blending and SpatialPair raise.
    """
    if isinstance(network, Blending):
        return _open_blend(network, precision)
    source = open_source(network)
    return load_generator(source.checkpoint, precision=precision), papers("generate", source)


def _open_blend(blending: Blending, precision: str) -> tuple[Generator, dict[str, Any]]:
    blended = Source("blend", blend_models(blending.sources, blending.recipe))
    generator, said = load_generator(blended.checkpoint, precision=precision), papers("generate", blended)
    if blending.masking is None:
        return generator, said
    base = load_generator(blending.sources[0].checkpoint, precision=precision)
    pair = SpatialPair(base, generator, blending.masking.mask, blending.masking.from_resolution)
    return pair, said | {"mask": pair.papers()}


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
