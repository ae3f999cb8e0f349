"""Inputs of a blend: models by path or shipped name, opened once, and checked against what a recipe pins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blendgan.recipe import Model, Recipe
from stylegan2 import checkpoints, store
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import RecipeError
from stylegan2.sites import Site, sites

ModelLike = str | os.PathLike[str] | Checkpoint
IN_MEMORY = "in memory"  # the name of a model that was given as a Checkpoint


@dataclass(frozen=True, eq=False)
class Source:
    """One input: its name as the user gave it, and what it holds."""

    name: str
    checkpoint: Checkpoint

    @cached_property
    def sites(self) -> dict[str, Site]:
        """Where its generator's tensors act: one table for all the plans of a blend that changes."""
        return sites(self.checkpoint.config)

    @property
    def is_hashed(self) -> bool:
        """Whether the fingerprint is known already."""
        return "fingerprint" in vars(self)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of its tensors, hashed once: sheets and films blend the same inputs many times."""
        return checkpoints.fingerprint(self.checkpoint)


def open_source(model: ModelLike | Source) -> Source:
    """Read a model by path or shipped name; what is open stays as it is. Raises CheckpointError or UnknownWeights."""
    if isinstance(model, Source):
        return model
    if isinstance(model, Checkpoint):
        return Source(IN_MEMORY, model)
    return Source(os.fspath(model), checkpoints.load(store.resolve(model)))


def open_recipe(recipe: Recipe, folder: Path | None = None) -> tuple[Source, ...]:
    """Open the models that a recipe names: BASE, then each TRANSFER. `folder` is where the recipe's file lies.

    A relative path is looked for in the working directory, then in `folder`. Raises RecipeError where the recipe does
    not name them all, or where one that it pins is not there; `blend_lazily` compares the fingerprints.
    """
    models = (recipe.base, *(transfer.model for transfer in recipe.transfers))
    named = [model for model in models if model is not None]
    if len(named) < len(models):
        raise RecipeError(
            f"recipe: found {len(named)} named models, expected {len(models)}: BASE, and one for each TRANSFER; "
            "name them in the recipe, or on the command line"
        )
    return tuple(Source(model.name, checkpoints.load(_found(model, folder))) for model in named)


def _found(model: Model, folder: Path | None) -> Path:
    beside = None if folder is None else folder / model.name
    if not Path(model.name).exists() and beside is not None and beside.is_file():
        return beside
    if model.fingerprint and model.name not in store.manifest() and not Path(model.name).exists():
        raise RecipeError(
            f"{model.name}: no such file; the recipe pins the model with fingerprint {model.fingerprint}, found none "
            "there. Put it back, or change its name in the recipe"
        )
    return store.resolve(model.name)


def check_pin(found: Model, pinned: Model | None) -> None:
    """Raise RecipeError, with both fingerprints, if a model is not the one that a recipe pins."""
    if pinned is not None and pinned.fingerprint and found.fingerprint != pinned.fingerprint:
        raise RecipeError(
            f"{found.name}: found a model with fingerprint {found.fingerprint}, expected {pinned.fingerprint}, which "
            "the recipe pins: the file was changed or replaced. Put the right one back, or take the fingerprint out of "
            "the recipe"
        )
