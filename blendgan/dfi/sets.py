"""Sets of pictures: a folder, or a list of names in a text file; and which of them are like the photo by attributes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from blendgan.images import from_uint8
from blendgan.inputs import find_inputs
from projector.photo import read_photo
from stylegan2.errors import InputError

LIST = ".txt"
LONGEST_LIST_BYTES = 16 << 20  # of names: about a million
TOLERANCE_PX = 2  # of aspects: a photo and its sets may each have been rounded


@dataclass(frozen=True)
class PictureSet:
    """`name`: of the folder or list, without its folders. `files`: each once."""

    name: str
    files: tuple[Path, ...]

    @property
    def keys(self) -> frozenset[str]:
        """The files as one compares them."""
        return frozenset(os.path.realpath(file) for file in self.files)


def read_set(source: Path, folder: Path | None = None) -> PictureSet:
    """Return the pictures below a folder, or those that a list (.txt, a name a line) names.

    Names are looked for in `folder`, by default the list's own; empty lines and those that begin with # are left out.
    Raises InputError, in one line, for what is neither, holds no picture, or names one that is not there.
    """
    if source.is_dir():
        return PictureSet(source.resolve().name, tuple(one.photo for one in find_inputs([source]).inputs))
    if not source.is_file() or source.suffix.lower() != LIST:
        found = "no such folder or file" if not source.exists() else "a file that is no list"
        raise InputError(f"{source}: {found}; expected a folder of pictures, or a list of their names, such as set.txt")
    place = source.parent if folder is None else folder
    if not place.is_dir():
        raise InputError(f"{place}: no such folder; expected that of the pictures which {source.name} names")
    names = _names(source)
    files = tuple(dict.fromkeys(place / name for _, name in names))
    for number, name in names:
        if not (place / name).is_file():
            raise InputError(
                f"{source}: line {number}: {name[:80]!r} is not in {place}; say where the pictures are with --pictures"
            )
    return PictureSet(source.stem, files)


def _names(file: Path) -> list[tuple[int, str]]:
    if file.stat().st_size > LONGEST_LIST_BYTES:
        raise InputError(f"{file}: found {file.stat().st_size:,} bytes, expected a list of names, one a line")
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not text in UTF-8; expected a list of names, one a line") from error
    names = [(i, line.strip()) for i, line in enumerate(lines, 1)]
    names = [(i, name) for i, name in names if name and not name.startswith("#") and "\0" not in name]
    if not names:
        raise InputError(f"{file}: found no names; expected the pictures' names, one a line")
    return names


def matches(files: Sequence[Path], attributes: Sequence[PictureSet]) -> list[int]:
    """Return for each file how many of the sets hold it: its attributes that the photo has too."""
    keys = [attribute.keys for attribute in attributes]
    return [sum(os.path.realpath(file) in known for known in keys) for file in files]


def without(pictures: PictureSet, photo: Path) -> PictureSet:
    """Return the set without the photo that is to be edited: it must not be its own neighbour."""
    own = os.path.realpath(photo)
    return PictureSet(pictures.name, tuple(file for file in pictures.files if os.path.realpath(file) != own))


def counted(number: int, noun: str) -> str:
    """1 picture, 2 pictures."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def read_picture(file: Path, height: int, width: int, own_size: tuple[int, int] | None = None) -> Tensor:
    """Return a picture of a set as float32 [1, 3, height, width] in [-1, 1].

    `own_size` (height, width): of the photo before it took the size that is worked on, which may have changed its
    aspect; None is that size. Raises InputError for a file that is no picture, and for another aspect than the
    photo's: the sets must lie as the photo does.
    """
    pixels = read_photo(file).pixels
    tall, wide = pixels.shape[:2]
    high, broad = own_size or (height, width)
    if abs(tall * broad - wide * high) > TOLERANCE_PX * max(high, broad, tall, wide):
        whose = "the photo, " if own_size else ""
        raise InputError(
            f"{file}: found {wide} x {tall} px, expected the aspect of {whose}{broad} x {high}: the sets' pictures "
            "must be aligned as the photo is (for faces, square crops about the face)"
        )
    return resized(from_uint8(pixels), height, width)


def resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """Pictures [N, C, H, W] at another size, bicubic, band-limited where they shrink."""
    if pictures.shape[2:] == (height, width):
        return pictures
    return F.interpolate(pictures, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(
        *_range(pictures)
    )


def _range(pictures: Tensor) -> tuple[float, float]:
    """Bicubic weights overshoot at edges: nothing may leave what there was."""
    low, high = torch.aminmax(pictures)
    return float(low), float(high)
