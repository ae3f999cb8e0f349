"""Two sets of pictures and a photo -> the attribute vector w: where their nearest neighbours' mean features differ."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from blendgan.dfi.features import Space
from blendgan.dfi.sets import PictureSet, matches, read_picture
from stylegan2.errors import InputError

MOST_NEIGHBOURS = 100  # the paper's K (section 4)

Change = Callable[[Tensor], Tensor]  # of a picture before it is looked at: for inpainting, the hole


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
                f"{each.name}: found {len(each.files)} pictures (without the photo itself), expected at least {least}; "
                "add some, or ask for fewer with -k"
            )
    return asked if asked is not None else min(MOST_NEIGHBOURS, *(len(each.files) for each in sets))


def find_direction(
    space: Space,
    photo: Tensor,
    source: PictureSet,
    target: PictureSet,
    count: int,
    attributes: Sequence[PictureSet] = (),
) -> Generator[Read, None, Direction]:
    """Read both sets, yield events, and return the direction from `source` to `target` (section 3).

    Of each set the `count` pictures count that share most `attributes` with the photo, among those equal in this the
    nearest by cosine of the deepest layer. Raises InputError for a file that is no picture or has another aspect, and
    where both means are one.
    """
    total = len(source.files) + len(target.files) + 2 * count
    chosen = []
    done = 0
    for each in (source, target):
        likeness = []
        for file in each.files:
            likeness.append(_likeness(space, photo, _seen(file, photo)))
            done += 1
            yield Read(done, total)
        chosen.append(_nearest(each, likeness, count, attributes))
    means = []
    for files in chosen:
        mean = torch.zeros([])
        for file in files:
            mean = mean + _features(space, _seen(file, photo)) / count
            done += 1
            yield Read(done, total)
        means.append(mean)
    return _direction(means[1] - means[0], chosen[0], chosen[1])


def find_filling(
    space: Space, photo: Tensor, pictures: PictureSet, count: int, hide: Change, attributes: Sequence[PictureSet] = ()
) -> Generator[Read, None, Direction]:
    """The same from pictures with a hole to the same pictures without it (section 4.2): for inpainting.

    `hide` makes the hole, which the photo [1, 3, H, W] has already; neighbours are found among pictures with the hole.
    """
    total = len(pictures.files) + count
    likeness = []
    for index, file in enumerate(pictures.files, 1):
        likeness.append(_likeness(space, photo, hide(_seen(file, photo))))
        yield Read(index, total)
    files = _nearest(pictures, likeness, count, attributes)
    w = torch.zeros([])
    for index, file in enumerate(files, len(pictures.files) + 1):
        whole = _seen(file, photo)
        w = w + (_features(space, whole) - _features(space, hide(whole))) / count
        yield Read(index, total)
    return _direction(w, files, files)


def _seen(file: Path, photo: Tensor) -> Tensor:
    return read_picture(file, *photo.shape[2:]).to(photo.device)


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
