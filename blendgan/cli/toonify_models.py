"""The studio of `blendgan toonify`: which models, blended how, by the options, a style, or a result's record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli.masks import chosen_masking
from blendgan.cli.recipes import Given, changed_recipe, given_recipe, opened
from blendgan.cli.toonify_options import named_models
from blendgan.recipe import SHIPPED_PAIR

if TYPE_CHECKING:
    import torch

    from blendgan.recipe import Recipe
    from blendgan.sources import Source
    from blendgan.spatial import Masking
    from blendgan.toon_records import Record
    from blendgan.toonification import Studio

Blend = tuple[tuple["Source", ...], "Recipe"]


def recorded_studio(
    record: Record, result: Path, base: str, transfer: str, device: torch.device, chosen: dict[str, Any]
) -> Studio:
    """Open the models of a result, blended as it was, and over that what the options say."""
    from blendgan.again import recorded_masking
    from blendgan.sources import open_recipe
    from blendgan.toonification import drawing_studio

    given, models = styled(given_recipe(chosen), named_models(base, transfer), chosen["style"])
    masking = chosen_masking(chosen["mask"], chosen["mask_from"] if chosen["mask"] else None)
    masking = masking or recorded_masking(record, result)
    if masking is not None and chosen["mask_from"] is not None:
        masking = replace(masking, from_resolution=chosen["mask_from"])
    if given.recipe_file is not None or models:
        blend = opened(models, given)
    else:
        blend = open_recipe(record.recipe, result.parent), changed_recipe(record.recipe, given.words)
    return with_grid(drawing_studio(*blend, device, masking), blend, chosen["grid"])


def styled(given: Given, models: tuple[str, ...], style: str | None) -> tuple[Given, tuple[str, ...]]:
    """Return what a style says: a ready recipe, or BASE and a shipped TRANSFER with its own.

    Raises UsageError for an unknown style, and beside options that say the same.
    """
    from blendgan.recipe_files import ready_recipes
    from stylegan2 import store

    if style is None:
        return given, models
    if given.recipe_file is not None or models:
        raise click.UsageError("--style says models and recipe; leave out --base, --transfer and --recipe")
    ready = ready_recipes()
    if style in ready and not given.words:
        return Given(style, {}), models
    if style in ready:
        raise click.UsageError(f"--style {style} says all of the blend; leave out {_options(given)}")
    shipped = [name for name, entry in store.manifest().items() if entry.kind == "model" and name != SHIPPED_PAIR[0]]
    if style not in shipped:
        known = ", ".join((*shipped, *ready))
        raise click.UsageError(f"--style: found {style!r}, expected one of {known}")
    return given, (SHIPPED_PAIR[0], style)


def _options(given: Given) -> str:
    names = [given.words["schedule"][0]] if "schedule" in given.words else []
    return ", ".join(f"--{name.replace('_', '-')}" for name in (*names, *(w for w in given.words if w != "schedule")))


def opened_studio(
    blend: Blend, device: torch.device, masking: Masking | None, grid: tuple[int, ...] | None, encoder: str | None
) -> Studio:
    """Load and blend models that are open; `grid`: the swap resolutions of a sheet, None for no sheet."""
    from blendgan.toonification import studio_of

    return with_grid(studio_of(*blend, device, masking, encoder), blend, grid)


def with_grid(studio: Studio, blend: Blend, grid: tuple[int, ...] | None) -> Studio:
    """The studio with what draws a sheet of swaps, if one is asked for."""
    from blendgan.swap_grid import SwapGrid

    return studio if grid is None else replace(studio, swaps=SwapGrid(*blend, grid, studio.device))
