"""Photo -> AlignedFace: the square about a face, set upright, at the size that a generator draws (FFHQ's alignment)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from projector import geometry
from projector.detection import Face
from projector.photo import rgb_pixels
from projector.resample import FINENESS, REACH_PX, reduced, shrunk, step_px, warp
from stylegan2.errors import InputError

# Where the crop leaves the photo the photo is mirrored, and fades into a blur the farther it is from it, so that no
# second face appears. The shares, of the crop's side, were chosen by eye; FFHQ fades likewise.
BLUR, FADE = 0.03, 0.15


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A crop and where it came from.

    `crop`: uint8 RGB [size, size, 3]. `quad`: float64 [4, 2], its upper left, lower left, lower right and upper right
    corner in px of the upright photo (continuous, pixel centres at + 0.5). `photo_size`: (width, height) in px.
    `score`: the detector's, 0 to 1; 1 where no detector was asked. `points`: float [5, 2] in px of the photo, as
    `Face.points`; None where no detector was asked.
    """

    crop: NDArray[np.uint8]
    quad: geometry.Array
    photo_size: tuple[int, int]
    score: float = 1.0
    points: NDArray[np.floating] | None = None

    @property
    def size(self) -> int:
        """Side of the crop in px."""
        return int(self.crop.shape[0])


def align(image: Image.Image | NDArray[np.uint8], face: Face, size: int) -> AlignedFace:
    """Cut the FFHQ square of one detected face out of its photo, at size x size px.

    `image`: the picture that was given to `detect`. Raises InputError for a size under 1 or points on one spot.
    """
    try:
        quad = geometry.quad_from_points(face.points)
    except ValueError as error:
        raise InputError(f"face: {error}") from error
    return align_quad(image, quad, size, face.score, face.points)


def align_quad(
    image: Image.Image | NDArray[np.uint8],
    quad: geometry.Array,
    size: int,
    score: float = 1.0,
    points: NDArray[np.floating] | None = None,
) -> AlignedFace:
    """Cut the square `quad` [4, 2] out of a photo, at size x size px. Raises InputError for a size under 1."""
    if size < 1:
        raise InputError(f"size: found {size}, expected at least 1 px, as a rule the generator's resolution")
    picture = rgb_pixels(image)
    crop = _cut(picture, quad, size)
    return AlignedFace(to_uint8(crop), quad, (picture.shape[1], picture.shape[0]), score, points)


def align_whole(image: Image.Image | NDArray[np.uint8], size: int) -> AlignedFace:
    """Take a picture that already is an aligned crop; the middle square where it is not square."""
    picture = rgb_pixels(image)
    height, width = picture.shape[:2]
    side = min(height, width)
    quad = geometry.square(np.array([width / 2, height / 2]), np.array([float(side), 0.0]))
    return align_quad(picture, quad, size)


def to_uint8(picture: Tensor) -> NDArray[np.uint8]:
    """Round [3, H, W] of 0 to 255 to uint8 [H, W, 3]."""
    return picture.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _cut(picture: NDArray[np.uint8], quad: geometry.Array, size: int) -> Tensor:
    """Reduce the part of the photo that is needed, extend it where the square leaves it, sample: float32 [3, s, s]."""
    part, to_part = _needed_part(picture, quad, size)
    ratio = FINENESS / step_px(to_part)
    if ratio < 1:
        part, to_copy = shrunk(part, ratio)
        to_part = to_copy @ to_part
    margins = _margins(to_part, size, part.shape[2], part.shape[1])
    if any(margins):
        part = _extended(part, margins, size * step_px(to_part))
        to_part = geometry.translation(margins[0], margins[2]) @ to_part
    return warp(part, to_part, size, size)


def _needed_part(picture: NDArray[np.uint8], quad: geometry.Array, size: int) -> tuple[Tensor, geometry.Array]:
    """The photo's part about a quad, [3, h, w], roughly reduced if giant, and the map to it from the crop.

    It is as much larger than the quad as the quad leaves the photo, so that there is something to mirror.
    """
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = geometry.bounds(quad)
    pace = geometry.side_px(quad) / size  # px of the photo per px of the crop
    beyond = max(0.0, -x0, -y0, x1 - width, y1 - height) + 2 * REACH_PX * max(1.0, pace)
    left, top = max(0, math.floor(x0 - beyond)), max(0, math.floor(y0 - beyond))
    right, bottom = min(width, math.ceil(x1 + beyond)), min(height, math.ceil(y1 + beyond))
    part = picture[top:bottom, left:right]
    blocks = max(1, int(pace / (2 * FINENESS)))
    if blocks > 1:
        part = reduced(part, blocks)
    to_part = geometry.scaling(1 / blocks, 1 / blocks) @ geometry.translation(-left, -top)
    tensor = torch.from_numpy(np.array(part)).permute(2, 0, 1).float()
    return tensor, np.asarray(to_part @ geometry.crop_to_photo(quad, size))


def _margins(to_part: geometry.Array, size: int, width: int, height: int) -> tuple[int, int, int, int]:
    """How many px the square, and the interpolation about it, leave the part: left, right, top, bottom."""
    corners = np.array([[0, 0], [0, size], [size, size], [size, 0]], dtype=np.float64)
    x0, y0, x1, y1 = geometry.bounds(geometry.apply(to_part, corners))
    beyond = (-x0, x1 - width, -y0, y1 - height)
    left, right, top, bottom = (math.ceil(each) + REACH_PX if each > 1e-6 else 0 for each in beyond)
    return left, right, top, bottom


def _extended(part: Tensor, margins: tuple[int, int, int, int], side: float) -> Tensor:
    """Mirror [3, h, w] about its rims and let the mirrored pixels fade into a blur. Inside nothing changes."""
    left, right, top, bottom = margins
    rows = _mirrored_indices(part.shape[1], top, bottom)
    columns = _mirrored_indices(part.shape[2], left, right)
    extended = part[:, rows][:, :, columns]
    down, across = _distance(part.shape[1], top, bottom), _distance(part.shape[2], left, right)
    distance = torch.hypot(down[:, None], across[None, :])  # px from the photo, 0 inside
    fade = (distance / (FADE * side)).clamp(0, 1)
    return extended.lerp(_blurred(extended, BLUR * side), fade * fade * (3 - 2 * fade))


def _mirrored_indices(extent: int, before: int, after: int) -> Tensor:
    position = torch.arange(-before, extent + after) % (2 * extent)
    return torch.minimum(position, 2 * extent - 1 - position)  # the rim's pixel comes twice: no period shows


def _distance(extent: int, before: int, after: int) -> Tensor:
    position = torch.arange(-before, extent + after).float()
    return torch.maximum(-position, position - (extent - 1)).clamp(min=0)


def _blurred(picture: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur of [3, h, w], rows then columns; beyond the rim it repeats."""
    radius = max(1, math.ceil(3 * sigma_px))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / max(sigma_px, 1e-3)) ** 2)
    taps = (taps / taps.sum()).reshape(1, 1, 1, -1)
    wide = F.conv2d(F.pad(picture[:, None], (radius, radius, 0, 0), mode="replicate"), taps)
    return F.conv2d(F.pad(wide, (0, 0, radius, radius), mode="replicate"), taps.mT)[:, 0]
