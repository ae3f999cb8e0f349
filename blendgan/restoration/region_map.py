"""Which α each pixel of a picture takes: a grey picture, and the α of some of its greys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from blendgan.masks import WHITE, Mask, load_mask
from blendgan.regions import REGIONS
from blendgan.restoration.restorer import Window
from stylegan2.errors import InputError

GREYS = 255  # of the mask, as the command line counts them
PER_GREY = WHITE // GREYS  # levels of a mask have 16 bits
MOST_ALPHAS = 16  # each is a network of its own
EXAMPLE = ".2,.9 (black, white) or 0=0,128=.3,255=1 (grey=alpha)"


@dataclass(frozen=True)
class Levels:
    """Greys in [0, 255], ascending, and the α in [0, 1] of each; greys between two are mixtures of both.

    Raises InputError for fewer than two, more than MOST_ALPHAS, or others than these.
    """

    greys: tuple[float, ...]
    alphas: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 2 <= len(self.greys) <= MOST_ALPHAS or len(self.greys) != len(self.alphas):
            raise InputError(f"alphas: found {len(self.alphas)}, expected 2 to {MOST_ALPHAS}, such as {EXAMPLE}")
        if any(not 0 <= grey <= GREYS for grey in self.greys) or list(self.greys) != sorted(set(self.greys)):
            raise InputError(
                f"alphas: found the greys {', '.join(f'{grey:g}' for grey in self.greys)}, expected rising numbers "
                f"from 0 (black) to {GREYS} (white)"
            )
        for alpha in self.alphas:
            if not 0 <= alpha <= 1:
                raise InputError(f"alphas: found {alpha:g}, expected shares of the second network from 0 to 1")

    def to_json(self) -> list[dict[str, float]]:
        """What a picture's metadata says of them."""
        return [{"grey": grey, "alpha": alpha} for grey, alpha in zip(self.greys, self.alphas, strict=True)]


def parse_levels(text: str) -> Levels:
    """`.2,.9` → evenly from black to white; `0=0,128=.3,255=1` → as they say. Raises InputError."""
    parts = [part.strip() for part in text.split(",")]
    with_grey = [part for part in parts if "=" in part]
    if with_grey and len(with_grey) < len(parts):
        raise InputError(f"alphas: found {text!r}, expected all with a grey or none: {EXAMPLE}")
    try:
        if with_grey:
            pairs = [part.split("=", 1) for part in parts]
            return Levels(tuple(float(grey) for grey, _ in pairs), tuple(float(alpha) for _, alpha in pairs))
        alphas = tuple(float(part) for part in parts)
    except ValueError as error:
        raise InputError(f"alphas: found {text!r}, expected numbers: {EXAMPLE}") from error
    return Levels(tuple(GREYS * i / max(1, len(alphas) - 1) for i in range(len(alphas))), alphas)


@dataclass(frozen=True, eq=False)
class RegionMap:
    """A mask of a picture's size, and the αs of its greys.

    A pixel's *position* is the number of its α among them, counted from 0; 1.25 is three quarters of the second and a
    quarter of the third.
    """

    mask: Mask
    levels: Levels

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in px."""
        return self.mask.levels.shape[0], self.mask.levels.shape[1]

    def positions(self, window: Window) -> Tensor:
        """Return the positions [1, 1, h, w] of a part of the picture, float32 in [0, number of αs - 1].

        Where the mask has the grey of an α, its number to the bit.
        """
        places = [grey * PER_GREY for grey in self.levels.greys]
        found = np.interp(self.mask.levels[window], places, range(len(places)))
        return torch.from_numpy(found.astype(np.float32))[None, None]

    def to_json(self) -> dict[str, Any]:
        """What a picture's metadata says of the map."""
        return {"mask": self.mask.to_json(), "alphas": self.levels.to_json()}


def load_region_map(file: str, levels: Levels, height: int, width: int) -> RegionMap:
    """Read a mask for a picture of height x width px: brightness counts, transparent is black.

    One of another size is resized, if its aspect is the same to a pixel. Raises InputError for a file that is missing
    or no picture, and for another aspect.
    """
    return fit_mask(read_mask(file), levels, height, width)


def read_mask(file: str) -> Mask:
    """Read a mask's file, which `fit_mask` fits to a picture. Raises InputError."""
    if file not in REGIONS and not Path(file).is_file():
        raise InputError(f"mask: found no file {file!r}, expected a grey picture's file")
    mask = load_mask(file)
    if mask.is_region:
        raise InputError(f"mask: found {file!r}, a region of a face, expected a grey picture's file")
    return mask


def fit_mask(mask: Mask, levels: Levels, height: int, width: int) -> RegionMap:
    """Return the map of a mask for a picture of height x width px. Raises InputError for another aspect."""
    tall, wide = mask.levels.shape
    if abs(tall * width - wide * height) > max(height, width, tall, wide) / 2:
        raise InputError(
            f"{mask.name}: found a mask of {wide} x {tall} px, expected the aspect of the picture, {width} x {height} "
            "px; crop it, or draw it on the picture itself"
        )
    if (tall, wide) != (height, width):
        mask = Mask(mask.name, _resized(mask, height, width))
    return RegionMap(mask, levels)


def _resized(mask: Mask, height: int, width: int) -> NDArray[np.uint16]:
    levels: NDArray[np.uint16] = np.rint(mask.at(height, width)[0, 0].numpy() * WHITE).astype(np.uint16)
    return levels


def resized(positions: Tensor, height: int, width: int) -> Tensor:
    """Return positions [1, 1, height, width] of [1, 1, h, w]: area means where they shrink, linear where they grow.

    What is whole numbers in a region stays so inside it.
    """
    if positions.shape[2:] == (height, width):
        return positions
    if height <= positions.shape[2] and width <= positions.shape[3]:
        return functional.adaptive_avg_pool2d(positions, (height, width))
    return functional.interpolate(positions, (height, width), mode="bilinear", align_corners=False)


def mixed(outputs: list[Tensor], positions: Tensor) -> Tensor:
    """Return [N, C, h, w] outputs, one for each α, mixed by positions [1, 1, h, w]: each pixel of its two nearest.

    At whole numbers that output's very numbers.
    """
    result = outputs[0]
    for number, output in enumerate(outputs[1:], 1):
        result = torch.lerp(result, output, (positions - (number - 1)).clamp(0, 1).to(output.dtype))
    return result
