"""`Mask`: how much of the blend each point of a picture takes; a named region, a picture file, or a box."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from blendgan.channels import Box
from blendgan.regions import REGIONS, Field, draw_region
from projector.photo import SIXTEEN_BIT, read_photo
from stylegan2.errors import InputError

WHITE = 65535  # levels have 16 bits; 8-bit levels are these divided by 257
LUMA = (0.299, 0.587, 0.114)  # brightness of red, green and blue (ITU-R BT.601), as Pillow's greys


@dataclass(frozen=True, eq=False)
class Mask:
    """`levels`: uint16 [H, W], 0 (black) = BASE, WHITE = the blend. `name`: of a region, or of a file, no folder."""

    name: str
    levels: NDArray[np.uint16]
    is_region: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of size and levels: the same mask, whatever its file."""
        height, width = self.levels.shape
        return hashlib.sha256(b"%d %d " % (height, width) + self.levels.astype("<u2").tobytes()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What a picture's metadata says of the mask: the region, or name and SHA-256 of the file's pixels."""
        return {"region": self.name} if self.is_region else {"file": self.name, "sha256": self.digest}

    def at(self, height: int, width: int) -> Tensor:
        """Return the mask [1, 1, height, width], float32 in [0, 1]: area means where it shrinks, linear where it grows.

        A mask of one level keeps it exactly.
        """
        down, across = _resampling(self.levels.shape[0], height), _resampling(self.levels.shape[1], width)
        shares = down @ (self.levels / WHITE) @ across.T
        return torch.from_numpy(shares.clip(0, 1).astype(np.float32))[None, None]

    def require_fit(self, height: int, width: int) -> None:
        """Raise InputError unless the mask is square, or has the aspect of a picture of height x width, to a pixel."""
        tall, wide = self.levels.shape
        if tall != wide and abs(tall * width - wide * height) > max(height, width):
            raise InputError(
                f"{self.name}: found a mask of {wide} x {tall} px, expected a square, or the aspect of the pictures, "
                f"{width} x {height} px; crop it"
            )


@dataclass(frozen=True)
class BoxMask:
    """1 in a box and 0 around it, whose edges need not be those of pixels."""

    box: Box

    def at(self, height: int, width: int) -> Tensor:
        """Return the mask [1, 1, height, width], float32 in [0, 1]: the part of each cell that is in the box."""
        x0, y0, x1, y1 = self.box
        shares = _cover(height, np.array([y0, y1])) @ _cover(width, np.array([x0, x1])).T
        return torch.from_numpy(shares.clip(0, 1).astype(np.float32))[None, None]


def load_mask(text: str) -> Mask:
    """Return the mask of a region (eyes, mouth, hair, left, right), or of a picture file.

    Of a picture the brightness counts, in 8 or 16 bits; transparency is black. Raises InputError, in one line, for
    a file that is missing or no picture.
    """
    if text in REGIONS:
        return Mask(text, np.rint(draw_region(text) * WHITE).astype(np.uint16), is_region=True)
    path = Path(text)
    if not path.is_file():
        raise InputError(f"mask: found {text!r}, expected a picture file, or a region: {', '.join(REGIONS)}")
    return Mask(path.name, _levels(path))


def _levels(path: Path) -> NDArray[np.uint16]:
    """uint16 [H, W] of a picture file."""
    photo = read_photo(path)  # which refuses what is broken, too large, or no picture
    if photo.mode in SIXTEEN_BIT:  # it keeps 8 bits only
        with Image.open(path) as image:
            return np.array(image, dtype=np.uint16)
    grey = photo.pixels @ np.array(LUMA)  # 0 … 255
    opaque = 1.0 if photo.alpha is None else photo.alpha / 255
    levels: NDArray[np.uint16] = np.rint(grey * opaque * (WHITE / 255)).astype(np.uint16)
    return levels


def _resampling(old: int, new: int) -> Field:
    """Return the matrix [new, old] that resamples one axis; every row sums to 1."""
    if new <= old:
        weights = _cover(new, np.arange(old + 1) / old)
    else:  # straight between the middles of the two nearest, flat beyond the outermost
        middles = ((np.arange(new) + 0.5) * (old / new) - 0.5).clip(0, old - 1)
        weights = (1 - np.abs(middles[:, None] - np.arange(old))).clip(min=0)
    rows: Field = weights / weights.sum(axis=1, keepdims=True)
    return rows


def _cover(cells: int, edges: Field) -> Field:
    """Return the part of each of the cells of [0, 1] that lies between one edge and the next, [cells, edges - 1]."""
    own = np.arange(cells + 1)[:, None] / cells
    cover: Field = (np.minimum(own[1:], edges[1:]) - np.maximum(own[:-1], edges[:-1])) * cells
    return cover.clip(min=0)
