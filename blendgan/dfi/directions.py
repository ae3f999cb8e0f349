"""Two sets of pictures and a photo -> the attribute vector w: where their nearest neighbours' mean features differ."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from blendgan.dfi.features import Space
from blendgan.dfi.sets import PictureSet, counted, matches, read_picture
from stylegan2.errors import InputError

MOST_NEIGHBOURS = 100  # the paper's K (section 4)
AT_ONCE = 4  # pictures of a set: a third less time each on a CPU; more gain nothing
KEPT_BYTES = 400_000_000  # of the neighbours' features (100 of them at 256 px): else they are computed a second time

Change = Callable[[Tensor], Tensor]  # of a picture before it is looked at: for inpainting, the hole
See = Callable[[Path], Tensor]  # a picture of a set at the size of the photo


@dataclass(frozen=True)
class Read:
    """Pictures of the sets are being read: `index` of `total`, counted from 1."""

    index: int
    total: int


@dataclass(frozen=True, eq=False)
class Direction:
    """`unit` [D]: w with the root mean square 1 over the features. `length`: what w itself has, photo's features: 1.

    `source`, `target`: the neighbours, the nearest first.
    """

    unit: Tensor
    length: float
    source: tuple[Path, ...]
    target: tuple[Path, ...]


def neighbour_count(asked: int | None, *sets: PictureSet) -> int:
    """Return K: as asked, else the paper's 100 or as many as the smallest set has.

    Raises InputError where a set is empty or smaller than what was asked for.
    """
    for each in sets:
        least = 1 if asked is None else asked
        if len(each.files) < least:
            raise InputError(
                f"{each.name}: found {counted(len(each.files), 'picture')} (without the photo itself), expected at "
                f"least {least}; add some, or ask for fewer with -k"
            )
    return asked if asked is not None else min(MOST_NEIGHBOURS, *(len(each.files) for each in sets))


def find_direction(
    space: Space,
    photo: Tensor,
    source: PictureSet,
    target: PictureSet,
    count: int,
    attributes: Sequence[PictureSet] = (),
    own_size: tuple[int, int] | None = None,
) -> Generator[Read, None, Direction]:
    """Read both sets, yield events, and return the direction from `source` to `target` (section 3).

    Of each set the `count` pictures count that share most `attributes` with the photo, among those equal in this the
    nearest by cosine of the deepest layer. `own_size`: of the photo, as `read_picture`. Raises
    InputError for a file that is no picture or has another aspect, and where both means are one.
    """
    sets, see = (source, target), partial(_seen, photo=photo, own_size=own_size)
    is_kept = count * _features(space, photo).nbytes <= KEPT_BYTES
    total = sum(len(each.files) for each in sets) + (0 if is_kept else len(sets) * count)
    done = 0
    chosen, means = [], []
    for each in sets:
        nearest: list[_Neighbour] = []
        for found in _looked_at(space, photo, each, attributes, see, is_kept=is_kept):
            nearest = sorted([*nearest, *found], key=lambda one: one.order)[:count]
            done += len(found)
            yield Read(done, total)
        mean = torch.zeros([])
        for one in nearest:
            if one.row is None:
                done += 1
                yield Read(done, total)
            mean = mean + (_features(space, see(one.file)) if one.row is None else one.row) / count
        chosen.append(tuple(one.file for one in nearest))
        means.append(mean)
    return _direction(means[1] - means[0], *chosen)


@dataclass(frozen=True, eq=False)
class _Neighbour:
    """A picture of a set. `row` [D]: its features, None where they are too many to be kept."""

    file: Path
    shared: int  # attributes
    likeness: float  # cosine of the deepest layer
    row: Tensor | None

    @property
    def order(self) -> tuple[int, float, Path]:
        """Most attributes first, then the most alike, then by name."""
        return -self.shared, -self.likeness, self.file


def _looked_at(
    space: Space, photo: Tensor, pictures: PictureSet, attributes: Sequence[PictureSet], see: See, *, is_kept: bool
) -> Iterator[list[_Neighbour]]:
    """Yield the pictures of a set as neighbours, a few at a time."""
    shared = matches(pictures.files, attributes)
    for i in range(0, len(pictures.files), AT_ONCE):
        part = slice(i, i + AT_ONCE)
        yield _look(space, photo, pictures.files[part], shared[part], see, is_kept=is_kept)


@torch.no_grad()
def _look(
    space: Space, photo: Tensor, files: Sequence[Path], shared: Sequence[int], see: See, *, is_kept: bool
) -> list[_Neighbour]:
    layers = space.features.layers(torch.cat([see(file) for file in files]))
    mine = space.features.layers(photo)[-1].flatten(1)
    likeness = F.cosine_similarity(layers[-1].flatten(1), mine, dim=1).tolist()
    # Cloned, that no row that is left out is held by those that stay
    rows = [row.clone() for row in space.row(layers)] if is_kept else [None] * len(files)
    return [_Neighbour(*each) for each in zip(files, shared, likeness, rows, strict=True)]


def find_filling(
    space: Space,
    photo: Tensor,
    pictures: PictureSet,
    count: int,
    hide: Change,
    attributes: Sequence[PictureSet] = (),
    own_size: tuple[int, int] | None = None,
) -> Generator[Read, None, Direction]:
    """The same from pictures with a hole to the same pictures without it (section 4.2): for inpainting.

    `hide` makes the hole, which the photo [1, 3, H, W] has already; neighbours are found among pictures with the hole.
    """
    see = partial(_seen, photo=photo, own_size=own_size)
    total = len(pictures.files) + count
    likeness = []
    for index, file in enumerate(pictures.files, 1):
        likeness.append(_likeness(space, photo, hide(see(file))))
        yield Read(index, total)
    files = _nearest(pictures, likeness, count, attributes)
    w = torch.zeros([])
    for index, file in enumerate(files, len(pictures.files) + 1):
        whole = see(file)
        w = w + (_features(space, whole) - _features(space, hide(whole))) / count
        yield Read(index, total)
    return _direction(w, files, files)


def _seen(file: Path, photo: Tensor, own_size: tuple[int, int] | None) -> Tensor:
    height, width = photo.shape[2:]
    return read_picture(file, height, width, own_size).to(photo.device)


@torch.no_grad()
def _features(space: Space, picture: Tensor) -> Tensor:
    return space.of(picture)[0]


@torch.no_grad()
def _likeness(space: Space, photo: Tensor, picture: Tensor) -> float:
    """Cosine of the deepest layer of two pictures."""
    (mine, theirs) = (space.features.layers(each)[-1].flatten() for each in (photo, picture))
    return float(F.cosine_similarity(mine, theirs, dim=0))


def _nearest(
    pictures: PictureSet, likeness: Sequence[float], count: int, attributes: Sequence[PictureSet]
) -> tuple[Path, ...]:
    """The `count` files with most attributes, then the most alike, then by name."""
    shared = matches(pictures.files, attributes)
    order = sorted(zip(pictures.files, shared, likeness, strict=True), key=lambda each: (-each[1], -each[2], each[0]))
    return tuple(file for file, _, _ in order[:count])


def _direction(w: Tensor, source: tuple[Path, ...], target: tuple[Path, ...]) -> Direction:
    length = float(w.square().mean().sqrt())
    if not 0 < length < float("inf"):
        raise InputError(
            f"sets: their mean features differ by {length:g}, expected two sets that look different; give others"
        )
    return Direction(w / length, length, source, target)
