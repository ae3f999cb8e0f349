"""XY sheets: two axes, and at each crossing a picture of one blend and one seed.

First the table of cells, each a schedule and a seed, which are all that a picture depends on; then every distinct
schedule is blended once, and draws all of its seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from blendgan.axes import AXES, Axis
from blendgan.images import grid, to_pictures
from blendgan.live import LiveBlend
from blendgan.recipe import recipe_of
from blendgan.rendering import Setting
from blendgan.schedule import Schedule, Side, Swap, Table, Uniform
from blendgan.schedule_forms import facing
from blendgan.sources import ModelLike, Source, open_source
from stylegan2.errors import RecipeError
from stylegan2.incremental import ActivationCache


@dataclass(frozen=True)
class Cell:
    """All that one picture depends on."""

    schedule: Schedule
    seed: int


def cells(
    x: Axis, y: Axis, fixed: Mapping[str, Any], recommended: Schedule, resolutions: Sequence[int]
) -> tuple[tuple[Cell, ...], ...]:
    """Return the rows of a sheet: y from top to bottom, x from left to right.

    `fixed` holds values (under the names of AXES, `seeds` always) that neither axis changes. Where nothing says how
    to blend, it is as `recommended`. `resolutions` are those of the models, in px. Raises RecipeError for words that
    contradict each other.
    """
    if x.name == y.name:
        raise RecipeError(f"axes: both are {x.name}; choose two of {', '.join(AXES)}")
    return tuple(
        tuple(_cell({**fixed, y.name: below, x.name: beside}, recommended, resolutions) for beside in x.values)
        for below in y.values
    )


def _cell(words: Mapping[str, Any], recommended: Schedule, resolutions: Sequence[int]) -> Cell:
    schedule = words.get("schedules", recommended)
    side: Side | None = words.get("transfer-gives")
    if "schedules" in words and ("swap-res" in words or "alpha" in words):
        raise RecipeError("schedules: they say themselves how to blend; leave out swap-res and alpha")
    if "swap-res" in words:
        schedule = swap_with_share(words["swap-res"], side or "low", words.get("alpha", 1.0), resolutions)
    else:
        schedule = Uniform(words["alpha"]) if "alpha" in words else schedule
        schedule = schedule if side is None else facing(schedule, side)
    return Cell(schedule, words["seeds"])


def swap_with_share(resolution: int, side: Side, alpha: float, resolutions: Sequence[int]) -> Schedule:
    """Return a swap whose TRANSFER side has only the share alpha of TRANSFER, the rest of it being BASE's."""
    swap = Swap(resolution, side)
    return swap if alpha == 1 else Table({r: alpha * swap.alpha(r) for r in resolutions})


def draw(
    rows: Sequence[Sequence[Cell]],
    base: ModelLike | Source,
    transfer: ModelLike | Source,
    setting: Setting,
    cache: ActivationCache | None = None,
) -> Iterator[tuple[Cell, Tensor]]:
    """Yield each distinct cell with its picture [1, 3, H, W], blend by blend.

    From one blend to the next only what changes is blended and computed again; `cache` bounds the memory that this
    takes. Raises what `blend` raises.
    """
    distinct = dict.fromkeys(cell for row in rows for cell in row)
    live = LiveBlend((open_source(base), open_source(transfer)), setting, cache)
    for schedule in dict.fromkeys(cell.schedule for cell in distinct):
        renderer = live.renderer(recipe_of(schedule))
        mine = [cell for cell in distinct if cell.schedule == schedule]
        pictures = renderer.draw_each(renderer.styles_of([cell.seed for cell in mine]))
        yield from zip(mine, pictures, strict=True)


def distinct_count(rows: Sequence[Sequence[Cell]]) -> int:
    """Return how many pictures `draw` yields."""
    return len({cell for row in rows for cell in row})


def collect(rows: Sequence[Sequence[Cell]], pictures: Mapping[Cell, Tensor]) -> list[Tensor]:
    """Return each row as pictures [N, 3, H, W]."""
    return [torch.cat([pictures[cell] for cell in row]) for row in rows]


def lay_out(x: Axis, row_captions: Sequence[str], rows: Sequence[Tensor]) -> Image.Image:
    """Make the sheet."""
    return grid(dict(zip(row_captions, map(to_pictures, rows), strict=True)), columns=x.captions)
