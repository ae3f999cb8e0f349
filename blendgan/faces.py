"""Which faces of a photo to work on, and how they come out of it: found, chosen, aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from projector.alignment import AlignedFace, align, align_whole
from projector.detection import Face, require_faces
from projector.photo import Photo, read_photo
from stylegan2.errors import InputError


@dataclass(frozen=True)
class Selection:
    """Which faces: all, the largest, or some by number, counted from 1, left to right.

    `whole` takes the picture, or its middle square, as one aligned crop, without looking for faces.
    """

    numbers: tuple[int, ...] = ()
    only_largest: bool = False
    whole: bool = False

    def __str__(self) -> str:
        """Return the selection as the command line has it."""
        if self.whole:
            return "aligned"
        return "largest" if self.only_largest else ",".join(map(str, self.numbers)) or "all"

    def choose(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """Return the chosen of `faces`. Raises InputError for a number that the photo does not have."""
        if self.only_largest:
            return (max(faces, key=_area),) if faces else ()
        missing = [n for n in self.numbers if n > len(faces)]
        if missing:
            raise InputError(
                f"faces: found {len(faces)} in the photo, asked for number {missing[0]}; count from the left, from 1"
            )
        return tuple(faces[n - 1] for n in self.numbers) if self.numbers else faces


ALL = Selection()
WHOLE = Selection(whole=True)


def parse_selection(text: str) -> Selection:
    """Read `all`, `largest` or numbers such as `1,3`. Raises InputError for anything else."""
    if text == "all":
        return ALL
    if text == "largest":
        return Selection(only_largest=True)
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"faces: found {text!r}, expected all, largest, or numbers from the left such as 1,3")
    return Selection(numbers=tuple(sorted({int(part) for part in parts})))


def align_faces(photo: Photo, name: str, selection: Selection, size_px: int) -> list[AlignedFace]:
    """Find faces, left to right, and align the chosen ones at `size_px`. Raises NoFaceFound, which names the photo."""
    if selection.whole:
        return [align_whole(photo.pixels, size_px)]
    faces = selection.choose(require_faces(photo.pixels, name))
    return [align(photo.pixels, face, size_px) for face in faces]


def first_faces(photos: Sequence[Path], size_px: int) -> list[AlignedFace]:
    """Return the first face from the left of each photo, aligned. Raises NoFaceFound, and InputError for no picture."""
    return [align_faces(read_photo(photo), photo.name, ALL, size_px)[0] for photo in photos]


def crops(faces: Sequence[AlignedFace]) -> list[Image.Image]:
    """Return the aligned crops as pictures."""
    return [Image.fromarray(np.asarray(face.crop)) for face in faces]


def _area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)
