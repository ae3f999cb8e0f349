"""Resampling through a map: every pixel of the result looks up where it comes from, without aliasing.

Pictures are float32 [C, H, W]; a map is a 3x3 matrix from px of the result to px of the source, both continuous
(pixel centres at + 0.5), as in projector.geometry. Only maps that keep lines parallel come up here.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from projector import geometry

Kernel = Literal["bicubic", "bilinear"]
EXACT = 1 + 1e-6  # a reduction below this is none: corners of a quad carry rounding errors
FINENESS = 2  # px of the source, and samples, per px of a reduced result: finer ones would not be seen
STRIP_PX = 256  # rows: a strip of a photo of 20,000 px across takes 20 MB
REACH_PX = 2  # how far bicubic interpolation looks, in px of its source


def warp(source: Tensor, to_source: geometry.Array, height: int, width: int, kernel: Kernel = "bicubic") -> Tensor:
    """Resample [C, H, W] to [C, height, width]: by `kernel` where it is enlarged, antialiased where it is reduced.

    Outside the source its rim repeats. A map that only moves by whole px copies the pixels to rounding. "bilinear"
    is for planes that are smooth: it takes a quarter of the time.
    """
    reduction = step_px(to_source)
    if reduction > FINENESS:
        source, to_copy = shrunk(source, FINENESS / reduction)
        to_source = to_copy @ to_source
    finer = FINENESS if step_px(to_source) > EXACT else 1
    fine = _sampled(source, to_source @ geometry.scaling(1 / finer, 1 / finer), height * finer, width * finer, kernel)
    if finer == 1:
        return fine
    return F.interpolate(fine[None], size=(height, width), mode="bicubic", antialias=True)[0]


def step_px(to_source: geometry.Array) -> float:
    """Px of the source per px of the result, along its columns or rows, whichever is longer."""
    return float(np.hypot(*to_source[:2, :2]).max())


def shrunk(source: Tensor, ratio: float) -> tuple[Tensor, geometry.Array]:
    """Reduce [C, H, W] by about `ratio` in (0, 1]; also return the exact map from px of `source` to px of the copy."""
    height, width = source.shape[1:]
    size = (max(1, math.floor(height * ratio)), max(1, math.floor(width * ratio)))
    copy = F.interpolate(source[None], size=size, mode="bicubic", antialias=True)[0]
    return copy, geometry.scaling(size[1] / width, size[0] / height)


def reduced(pixels: NDArray[np.uint8], ratio: int) -> NDArray[np.uint8]:
    """Mean of each ratio x ratio px of uint8 [H, W, 3], blocks cut off by the rim included; works in strips.

    For giant photos: at no time more than STRIP_PX rows are held twice.
    """
    rows = max(1, STRIP_PX // ratio) * ratio
    strips = [pixels[top : top + rows] for top in range(0, len(pixels), rows)]
    return np.concatenate([np.asarray(Image.fromarray(strip).reduce(ratio)) for strip in strips])


def _sampled(source: Tensor, to_source: geometry.Array, height: int, width: int, kernel: Kernel) -> Tensor:
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    grid = np.empty((height, width, 2))
    for axis, extent in enumerate((source.shape[2], source.shape[1])):  # x, y
        a, b, c = to_source[axis]
        grid[..., axis] = 2 * (a * columns[None] + b * rows[:, None] + c) / extent - 1  # the range of grid_sample
    where = torch.from_numpy(grid).to(source)[None]
    return F.grid_sample(source[None], where, mode=kernel, padding_mode="border", align_corners=False)[0]
