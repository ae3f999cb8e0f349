"""`blendgan toonify --auto`: the schedule is looked for, so nothing else may say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.schedules import SCHEDULE_KEY

if TYPE_CHECKING:
    from blendgan.recipe import Recipe
    from blendgan.sources import Source
    from blendgan.toonification import Studio

AGAINST = ("recipe_file", "transfer_gives", "mask", "again")  # they say the blend, or draw two at once


def require_alone() -> None:
    """Raise UsageError beside options that say a schedule themselves."""
    said = [name for name, _ in click.get_current_context().meta.get(SCHEDULE_KEY, [])]
    said += [name.removesuffix("_file").replace("_", "-") for name in AGAINST if options.is_given(name)]
    if said:
        raise click.UsageError(f"--auto looks for the schedule itself; leave out {', '.join(f'--{s}' for s in said)}")


def with_search(studio: Studio, sources: Sequence[Source], recipe: Recipe) -> Studio:
    """Return the studio with a search for the schedule."""
    from blendgan.blend_search import BlendSearcher

    return replace(studio, searcher=BlendSearcher(sources, recipe, studio.device))
