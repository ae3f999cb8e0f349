"""The same latents at several swap resolutions, side by side: a row for each face, a column for each swap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from PIL import Image

from blendgan.blending import blend_models
from blendgan.faces import crops
from blendgan.images import grid, to_pictures
from blendgan.projection import draw
from blendgan.recipe import Recipe
from blendgan.schedule import Linear, Sigmoid, Swap
from blendgan.sources import Source
from projector.alignment import AlignedFace
from projector.latent import Latent
from stylegan2.checkpoints import Checkpoint
from stylegan2.errors import InputError
from stylegan2.loading import load_generator


@dataclass(frozen=True, eq=False)
class SwapGrid:
    """Models and a recipe whose schedule is replaced by swaps at `resolutions`, in px; none are all of BASE's."""

    sources: tuple[Source, ...]
    recipe: Recipe
    resolutions: tuple[int, ...] = ()
    device: torch.device | None = None

    def __post_init__(self) -> None:
        known = self.sources[0].checkpoint.config.resolutions
        missing = [r for r in self.resolutions if r not in known]
        if missing:
            raise InputError(
                f"grid: found {missing[0]}, expected some of {', '.join(map(str, known))}, the models' own"
            )

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The swap resolutions, from left to right."""
        return self.resolutions or tuple(self.sources[0].checkpoint.config.resolutions)

    def sheet(self, faces: Sequence[AlignedFace], latent: Latent) -> Image.Image:
        """Draw every face at every swap, after its photo; TRANSFER gives the side that it gives in the recipe."""
        columns = [to_pictures(draw(load_generator(self._blend(r)).to(self.device), latent)) for r in self.columns]
        rows = zip(crops(faces), *columns, strict=True)
        captions = [f"face {i + 1}" for i in range(len(faces))] if len(faces) > 1 else [""]
        return grid(dict(zip(captions, map(list, rows), strict=True)), ["photo", *(f"{r} px" for r in self.columns)])

    def _blend(self, resolution: int) -> Checkpoint:
        old = self.recipe.schedule
        side = old.transfer_gives if isinstance(old, (Swap, Sigmoid, Linear)) else "low"
        swapped = tuple(replace(each, schedule=Swap(resolution, side)) for each in self.recipe.transfers)
        return blend_models(self.sources, replace(self.recipe, transfers=swapped))
