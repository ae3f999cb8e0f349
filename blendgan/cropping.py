"""A picture file -> the squares that a data set takes of it: its middle, each of its faces, or all of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from blendgan.duplicates import Impression, impression_of
from projector import geometry
from projector.alignment import align
from projector.detection import detect, load_detector
from projector.mtcnn import Networks
from stylegan2.errors import InputError
from stylegan2.train.decoding import decode, square

SIZES = tuple(2**octave for octave in range(2, 13))  # px: 4 to 4096, the resolutions that networks have


@dataclass(frozen=True, eq=False)
class Crop:
    """One square: a PNG file, its side in px of the source, the number of its face (0: none), and its impression."""

    png: bytes
    native_px: int
    face: int
    impression: Impression


@dataclass(frozen=True)
class LeftOut:
    """What does not come into the data set, and why: because it could not be read, or by a rule."""

    name: str
    reason: str
    is_failure: bool = False


@dataclass(frozen=True)
class Cropper:
    """How squares are taken, at which size; a square of fewer native px than `min_native_px` is left out.

    `kind`: square (the middle), face (every face, aligned as FFHQ's are), none (the whole, which must be square).
    Raises InputError for another kind or size.
    """

    kind: str
    size_px: int
    min_native_px: int = 1
    detector: Networks | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in _CUTS:
            raise InputError(f"crop: found {self.kind!r}, expected one of {', '.join(_CUTS)}")
        if self.size_px not in SIZES:
            raise InputError(
                f"resolution: found {self.size_px}, expected a power of two from 4 to 4096, as networks have"
            )
        if self.kind == "face" and self.detector is None:
            object.__setattr__(self, "detector", load_detector())  # once, for all threads

    def crop(self, name: str, data: bytes | InputError) -> list[Crop | LeftOut]:
        """Return the squares of a picture file, and what is left out of it; never raises for a bad file."""
        try:
            if isinstance(data, InputError):
                raise data
            return list(_CUTS[self.kind](self, name, decode(data, name)))
        except InputError as error:
            return [LeftOut(name, str(error).removeprefix(f"{name}: "), is_failure=True)]

    def _finished(self, name: str, picture: Image.Image, native_px: int, face: int) -> Crop | LeftOut:
        if native_px < self.min_native_px:
            return LeftOut(name, f"{_of_face(face)}has {native_px} px, fewer than {self.min_native_px}")
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=0)  # reads twice as fast; the same bytes from every zlib
        return Crop(file.getvalue(), native_px, face, impression_of(picture))


def _of_face(face: int) -> str:
    return f"face {face} " if face else ""


def _cut_square(cropper: Cropper, name: str, picture: Image.Image) -> Iterator[Crop | LeftOut]:
    yield cropper._finished(name, square(picture, cropper.size_px), min(picture.size), 0)


def _cut_none(cropper: Cropper, name: str, picture: Image.Image) -> Iterator[Crop | LeftOut]:
    if picture.width != picture.height:
        raise InputError(f"{name}: has {picture.width} x {picture.height} px, expected a square; or crop it")
    yield from _cut_square(cropper, name, picture)


def _cut_faces(cropper: Cropper, name: str, picture: Image.Image) -> Iterator[Crop | LeftOut]:
    pixels = np.asarray(picture)
    faces = detect(pixels, cropper.detector)
    if not faces:
        yield LeftOut(name, "no face was found in it")
    for number, face in enumerate(faces, start=1):
        aligned = align(pixels, face, cropper.size_px)
        side = round(geometry.side_px(aligned.quad))
        yield cropper._finished(name, Image.fromarray(aligned.crop), side, number)


_CUTS: dict[str, Callable[[Cropper, str, Image.Image], Iterator[Crop | LeftOut]]] = {
    "square": _cut_square,
    "face": _cut_faces,
    "none": _cut_none,
}
