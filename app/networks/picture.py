"""The picture that networks restore: noise that is added first, and the part of it that a page shows while α moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendgan.images import Pixels


@dataclass(frozen=True)
class Part:
    """A rectangle of a picture, in px: what is shown, and how far beyond it the network looks."""

    left: int
    top: int
    width: int
    height: int
    margin: int = 0

    def cut(self, pixels: Pixels) -> Pixels:
        """Return what is shown of the picture, [height, width, 3]."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]

    def around(self, pixels: Pixels) -> tuple[Pixels, Part]:
        """Return the part with its margin, as far as the picture goes, and where in that it lies."""
        left, top = max(self.left - self.margin, 0), max(self.top - self.margin, 0)
        bottom, right = self.top + self.height + self.margin, self.left + self.width + self.margin
        return pixels[top:bottom, left:right], Part(self.left - left, self.top - top, self.width, self.height)

    def times(self, scale: int) -> Part:
        """Return the same part of the picture enlarged."""
        return Part(self.left * scale, self.top * scale, self.width * scale, self.height * scale)


def part_of(size: tuple[int, int], side_px: int, place: tuple[float, float], margin: int) -> Part:
    """Return the part of a picture (width, height) about a place: the whole where it is no larger than `side_px`."""
    width, height = (min(length, side_px) for length in size)
    left, top = (
        round((length - part) * share) for length, part, share in zip(size, (width, height), place, strict=True)
    )
    return Part(left, top, width, height, margin)


def with_noise(
    pixels: Pixels, sigma: float, seed: int, first: tuple[int, int] = (0, 0), *, is_grey: bool = False
) -> Pixels:
    """Return a picture [H, W, 3] with Gaussian noise of standard deviation `sigma` (of 255), rounded to whole levels.

    Each row has a generator of its own, from the seed and its place, so that a part has the noise of the whole picture:
    `first` is the row and the column at which it begins there. The noise of a picture that `is_grey` is grey too.
    """
    if sigma == 0:
        return pixels
    noisy = np.empty_like(pixels)
    (top, left), width, count = first, pixels.shape[1], 1 if is_grey else 3
    for y, row in enumerate(pixels):
        noise = np.random.default_rng((seed, top + y)).standard_normal((left + width, count), dtype=np.float32)
        noisy[y] = np.clip(np.rint(row + np.float32(sigma) * noise[left:]), 0, 255)
    return noisy
