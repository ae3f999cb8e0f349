"""One picture moved along one attribute after another: φ(z) = φ(x) + α w (Upchurch et al. 2017, section 3).

α is the length of the step, in one of two units. `photo`: w is scaled to the root mean square 1, as the photo's own
features are. The paper's w has the length 1 in all, so that a step shrinks as features get more in number; a share of
the features' own length does not. `sets`: w as it is, so that 1 goes as far as the means of the two sets lie apart.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from blendgan.dfi import LARGEST_ALPHA
from blendgan.dfi.directions import MOST_NEIGHBOURS, Direction, Read, find_direction, find_filling, neighbour_count
from blendgan.dfi.features import Layers, Space, require_size, space_about
from blendgan.dfi.finishing import match_colours, without_artefacts
from blendgan.dfi.reverse import Solver, Step, reconstruct
from blendgan.dfi.sets import PictureSet, counted, without
from stylegan2.errors import InputError

UNITS = ("photo", "sets")
FEW = 10  # neighbours: the mean of fewer still shows what each of them has for itself
GREY = 0.0  # of a hole, in [-1, 1]


@dataclass(frozen=True)
class Edit:
    """A step of length `alpha` from `source` toward `target`, negative: away. Without a source: fill the mask's hole.

    `unit` of alpha: one of UNITS. Raises InputError for another, and for an alpha that is no number or beyond
    LARGEST_ALPHA.
    """

    source: PictureSet | None
    target: PictureSet
    alpha: float
    unit: str = "photo"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise InputError(f"unit: found {self.unit!r}, expected one of {', '.join(UNITS)}")
        if not abs(self.alpha) <= LARGEST_ALPHA:
            raise InputError(f"alpha: found {self.alpha:g}, expected a number of at most {LARGEST_ALPHA:g} either way")

    @property
    def is_filling(self) -> bool:
        """Whether it fills a hole."""
        return self.source is None

    def length(self, direction: Direction) -> float:
        """The step along `direction.unit`."""
        return self.alpha * (direction.length if self.unit == "sets" else 1.0)

    @property
    def sets(self) -> tuple[PictureSet, ...]:
        """Its sets of pictures."""
        return (self.target,) if self.source is None else (self.source, self.target)


@dataclass(frozen=True)
class Settings:
    """`neighbours`: K, None is the paper's 100 or the smaller set. `attributes`: sets of pictures like the photo.

    `match_colours` and `remove_artefacts` are of section 3; neither acts where a hole is filled.
    """

    neighbours: int | None = None
    attributes: tuple[PictureSet, ...] = ()
    solver: Solver = Solver()
    match_colours: bool = True
    remove_artefacts: bool = True

    def __post_init__(self) -> None:
        if self.neighbours is not None and self.neighbours < 1:
            raise InputError(f"k: found {self.neighbours}, expected at least 1 neighbour")


@dataclass(frozen=True, eq=False)
class Edited:
    """The picture [1, 3, H, W] in [-1, 1], and the directions that were taken, in turn."""

    picture: Tensor
    directions: tuple[Direction, ...]


def edit_picture(
    features: Layers,
    photo: Tensor,
    edits: Sequence[Edit],
    settings: Settings = Settings(),
    mask: Tensor | None = None,
    file: Path | None = None,
    own_size: tuple[int, int] | None = None,
) -> Iterator[Read | Step | Edited]:
    """Carry out edits in turn on a photo [1, 3, H, W] in [-1, 1], and yield events, at last the result.

    `mask` [1, 1, H, W] in [0, 1]: how much of the change each place takes; None is all. `file`: the photo's own, which
    no set may count as a neighbour. `own_size` (height, width): the photo's before it was resized, whose aspect the
    sets must have; None is as it comes. Raises InputError for sets that are too small, a hole without a mask, and a
    size that the features cannot see.
    """
    require_size(features, *photo.shape[2:])
    require_mask(edits, mask)
    where = torch.ones_like(photo[:, :1]) if mask is None else mask.to(photo)
    picture, directions = photo, []
    for edit in edits:
        begin = _hidden(picture, where) if edit.is_filling else picture
        space = space_about(features, begin)
        direction = yield from _direction(space, begin, edit, settings, where, file, own_size)
        directions.append(direction)
        edited = yield from move_along(space, begin, edit, direction, settings)
        share = (where > 0).to(picture) if edit.is_filling else where  # a hole ends where its mask does
        picture = picture.lerp(edited, share).clamp(-1, 1)
    yield Edited(picture, tuple(directions))


def require_mask(edits: Sequence[Edit], mask: object) -> None:
    """Raise InputError where a hole is to be filled and no mask says where it is."""
    if mask is None and any(edit.is_filling for edit in edits):
        raise InputError("inpaint: found no mask, expected one, white where the photo is missing; add --mask FILE")


def require_sets(edits: Sequence[Edit], settings: Settings, file: Path) -> None:
    """Raise InputError where a set, without the photo, is too small, or where an attribute has none of its pictures."""
    known: set[str] = set()
    for edit in edits:
        neighbour_count(settings.neighbours, *(without(each, file) for each in edit.sets))
        known.update(*(each.keys for each in edit.sets))
    for attribute in settings.attributes:
        if not attribute.keys & known:
            raise InputError(
                f"{attribute.name}: found none of its {counted(len(attribute.files), 'picture')} in the source and "
                "target sets, expected some of the very same files; --like counts files that are in both"
            )


def doubt(edit: Edit, settings: Settings, file: Path) -> str | None:
    """Return what is to be feared of an edit with few neighbours, in one line; None where there are FEW or more."""
    own = [without(each, file) for each in edit.sets]
    count = neighbour_count(settings.neighbours, *own)
    if count >= FEW:
        return None
    small = own if settings.neighbours is not None else [each for each in own if len(each.files) == count]
    found = f"only {counted(count, 'picture')} of {' and of '.join(each.name for each in small)}"
    effect = "the hole takes what these alone have" if edit.is_filling else (
        "what sets it apart beside the attribute is moved too"
        if count == len(small) == 1
        else "what sets them apart beside the attribute is moved too"
    )  # fmt: skip
    return f"{found}: {effect}; the paper takes {MOST_NEIGHBOURS}"


def _direction(
    space: Space,
    begin: Tensor,
    edit: Edit,
    settings: Settings,
    where: Tensor,
    file: Path | None,
    own_size: tuple[int, int] | None,
) -> Generator[Read, None, Direction]:
    own = [each if file is None else without(each, file) for each in edit.sets]
    count = neighbour_count(settings.neighbours, *own)
    if edit.is_filling:
        hide = partial(_hidden, where=where)
        return (yield from find_filling(space, begin, own[0], count, hide, settings.attributes, own_size))
    return (yield from find_direction(space, begin, own[0], own[1], count, settings.attributes, own_size))


def _hidden(picture: Tensor, where: Tensor) -> Tensor:
    """The picture with a grey hole wherever the mask is not black."""
    return picture.where(where == 0, torch.full_like(picture, GREY))


def move_along(
    space: Space, begin: Tensor, edit: Edit, direction: Direction, settings: Settings
) -> Generator[Step, None, Tensor]:
    """Yield the search's steps, and return the picture [1, 3, H, W] at the end of one edit's step from `begin`.

    Where artefacts are removed by it, what α = 0 gives is sought in the same search.
    """
    length = edit.length(direction)
    lengths = (length, 0.0) if length and settings.remove_artefacts and not edit.is_filling else (length,)
    steps = torch.tensor(lengths, device=begin.device)
    with torch.no_grad():
        targets = space.of(begin) + steps[:, None] * direction.unit  # [1 or 2, D]
    start = begin.expand(len(steps), -1, -1, -1)
    found = yield from reconstruct(space, targets, start, settings.solver)
    if edit.is_filling:
        return found
    if settings.match_colours:
        found = match_colours(found, begin)
    return without_artefacts(found[:1], found[-1:], begin) if settings.remove_artefacts else found
