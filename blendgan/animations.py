"""Animated pictures (GIF, WebP, APNG): their frames, upright, and files of the same kind, pace and loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from blendgan.video import IMAGE_DESCRIPTION, WEBP_QUALITY
from projector.photo import BROKEN, MAX_PHOTO_PX, photo_from_image
from stylegan2.errors import InputError

KINDS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}  # ending → Pillow's name of the form
MAX_FRAMES_PX = 1 << 30  # Pillow keeps the frames that it writes until the end: 1 to 4 bytes for each of these
DEFAULT_MS = 100.0  # of frames that say nothing, as browsers have it


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a film: uint8 RGB [H, W, 3], and alpha [H, W] if it has one; `source`: the file's own frame."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    source: Any = None


def is_animated(path: Path) -> bool:
    """Whether a file is a picture with more than one frame; by its ending first, so that most are not opened."""
    if path.suffix.lower() not in KINDS:
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except (*BROKEN, Image.DecompressionBombError):
        return False  # whoever reads it as a photo says why


@dataclass(frozen=True, eq=False)
class Animation:
    """An animated picture file, read frame by frame, as often as is asked."""

    path: Path

    def frames(self) -> Iterator[Frame]:
        """Yield every frame, whole, whatever part of it the file holds. Raises InputError for damaged files."""
        with self._opened() as image:
            for index in self._indices(image):
                photo = self._at(image, index)
                yield Frame(photo.pixels, photo.alpha)

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.durations_ms)

    @property
    def fps(self) -> float:
        """Frames per second, on the whole."""
        return 1000 * self.count / sum(self.durations_ms)

    @cached_property
    def durations_ms(self) -> tuple[float, ...]:
        """How long each frame stays."""
        with self._opened() as image:
            stays = []
            for index in self._indices(image):
                self._at(image, index)
                stays.append(float(image.info.get("duration") or DEFAULT_MS))
        return tuple(stays)

    @cached_property
    def loop(self) -> int | None:
        """How often it plays: 0 for ever, None once, as the file says it."""
        with self._opened() as image:
            times: int | None = image.info.get("loop")
            return times

    def write(self, file: BinaryIO, frames: Iterator[tuple[Frame, NDArray[np.uint8]]], text: str = "") -> str:
        """Write frames, each with its new pixels, as a file of this one's kind, pace and loop; text is its comment.

        Returns what could not be taken along: nothing. Raises InputError where they are too many for memory.
        """
        self._check_size()
        pictures = (_picture(frame, pixels) for frame, pixels in frames)
        kind = KINDS[self.path.suffix.lower()]
        said: dict[str, Any] = {} if self.loop is None else {"loop": self.loop}
        if kind == "GIF":
            said |= {"disposal": 2, "comment": text} if text else {"disposal": 2}
        if kind == "WEBP":
            said |= {"quality": WEBP_QUALITY, "exif": _exif(text)}
        stays = [round(stay) if kind != "PNG" else stay for stay in self.durations_ms]
        first = next(pictures)
        others = pictures if kind == "GIF" else list(pictures)  # Pillow goes through those of the others twice
        first.save(file, kind, save_all=True, append_images=others, duration=stays, **said)
        return ""

    def _check_size(self) -> None:
        with self._opened() as image:
            found = self.count * image.width * image.height
        if found > MAX_FRAMES_PX:
            raise InputError(
                f"{self.path}: found {self.count} frames of {image.width} x {image.height} px, expected at most "
                f"{MAX_FRAMES_PX:,} px in all; make a video of it first"
            )

    def _opened(self) -> Image.Image:
        try:
            return Image.open(self.path)
        except (*BROKEN, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise InputError(f"{self.path}: cannot be read ({error}); expected an animated picture") from error

    def _indices(self, image: Image.Image) -> range:
        """Of a PNG that shows another picture to programs without animation, that one is left out."""
        return range(int(bool(image.info.get("default_image"))), int(getattr(image, "n_frames", 1)))

    def _at(self, image: Image.Image, index: int) -> Any:
        if image.width * image.height > MAX_PHOTO_PX:
            raise InputError(f"{self.path}: found {image.width} x {image.height} px, expected at most {MAX_PHOTO_PX:,}")
        try:
            image.seek(index)
            return photo_from_image(image)
        except (*BROKEN, InputError) as error:
            raise InputError(
                f"{self.path}: frame {index + 1} cannot be read ({error}); expected a whole file"
            ) from error


def _picture(frame: Frame, pixels: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(pixels)
    if frame.alpha is not None:
        picture.putalpha(Image.fromarray(frame.alpha))
    return picture


def _exif(text: str) -> Image.Exif:
    exif = Image.Exif()
    if text:
        exif[IMAGE_DESCRIPTION] = text
    return exif
