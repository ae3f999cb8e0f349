"""A changed face -> back into its photo, softly: as it is (paste_face), or only what changed in it (paste_change).

Only the square about the face is touched; everything is float32 until one rounding at the end.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from projector import geometry
from projector.alignment import AlignedFace, to_uint8
from projector.resample import warp
from stylegan2.errors import InputError

# The default mask is 1 within this share of the way from the crop's centre to its border, and falls to 0 there.
# 0.7 keeps hair and chin of the training faces; their backgrounds, which no generator draws as they were, fade.
WHOLE_UNTIL = 0.7
SQUARENESS = 4.0  # exponent of the mask's outline: 2 is a circle, more is squarer; chosen by eye

Pixels = NDArray[np.uint8] | NDArray[np.float32]


def soft_mask(size: int) -> NDArray[np.float32]:
    """Return the default mask [size, size]: 1 over face and hair, smoothly 0 at the border of the crop."""
    along = np.abs((np.arange(size) + 0.5) / size * 2 - 1)  # 0 in the middle, 1 at the border
    outward = (along[:, None] ** SQUARENESS + along[None, :] ** SQUARENESS) ** (1 / SQUARENESS)
    t = np.clip((1 - outward) / (1 - WHOLE_UNTIL), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def paste_face(
    photo: NDArray[np.uint8], aligned: AlignedFace, crop: Pixels, mask: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Return the photo with `crop` in place of the face's square.

    `photo`: uint8 RGB [H, W, 3], upright, as it was aligned. `crop`: [S, S, 3], 0 to 255, of any size S, in the frame
    of `aligned`. `mask`: [M, M] of 0 to 1 in the same frame; soft_mask if left out. Outside it no pixel changes.
    Raises InputError where shapes do not fit.
    """
    _check(photo, aligned, crop)
    region = _region(photo, aligned)
    old, new = _part(photo, region), _resampled(crop, aligned, region)
    return _replaced(photo, region, old + _cover(mask, crop, aligned, region) * (new - old))


def paste_change(
    photo: NDArray[np.uint8],
    aligned: AlignedFace,
    before: Pixels,
    after: Pixels,
    mask: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Return the photo with the change from `before` to `after` added: the photo's own detail and grain stay.

    Arguments and errors as in `paste_face`; `before` and `after` are [S, S, 3], 0 to 255, of one size S.
    """
    _check(photo, aligned, after)
    if before.shape != after.shape:
        raise InputError(f"crops: found {list(before.shape)} before and {list(after.shape)} after; expected one size")
    region = _region(photo, aligned)
    change = _resampled(after.astype(np.float32) - before.astype(np.float32), aligned, region)
    return _replaced(photo, region, _part(photo, region) + _cover(mask, after, aligned, region) * change)


Region = tuple[int, int, int, int]  # left, top, right, bottom in px of the photo


def _check(photo: NDArray[np.uint8], aligned: AlignedFace, crop: Pixels) -> None:
    width, height = aligned.photo_size
    if photo.shape != (height, width, 3) or photo.dtype != np.uint8:
        raise InputError(
            f"photo: found {photo.dtype} {list(photo.shape)}, expected uint8 [{height}, {width}, 3], the photo that "
            "the face was aligned in; paste into that one, upright and at its own size"
        )
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3:
        raise InputError(f"crop: found {list(crop.shape)}, expected a square [S, S, 3]")


def _region(photo: NDArray[np.uint8], aligned: AlignedFace) -> Region:
    """The photo's part under the square; of no size where the square lies beside the photo."""
    height, width = photo.shape[:2]
    x0, y0, x1, y1 = geometry.bounds(aligned.quad)
    left, top = min(max(math.floor(x0), 0), width), min(max(math.floor(y0), 0), height)
    return left, top, min(max(math.ceil(x1), left), width), min(max(math.ceil(y1), top), height)


def _to_frame(aligned: AlignedFace, region: Region, size: int) -> geometry.Array:
    to_frame = geometry.inverse(geometry.crop_to_photo(aligned.quad, size))
    return np.asarray(to_frame @ geometry.translation(region[0], region[1]))


def _part(photo: NDArray[np.uint8], region: Region) -> Tensor:
    left, top, right, bottom = region
    return torch.from_numpy(photo[top:bottom, left:right].copy()).permute(2, 0, 1).float()


def _resampled(crop: Pixels, aligned: AlignedFace, region: Region) -> Tensor:
    left, top, right, bottom = region
    source = torch.from_numpy(np.array(crop, dtype=np.float32)).permute(2, 0, 1)
    return warp(source, _to_frame(aligned, region, len(crop)), bottom - top, right - left)


def _cover(mask: NDArray[np.float32] | None, crop: Pixels, aligned: AlignedFace, region: Region) -> Tensor:
    """The mask [1, h, w] over a region of the photo, cut off at the square's edges (pixels on them count in part)."""
    left, top, right, bottom = region
    shape = soft_mask(len(crop)) if mask is None else mask
    if shape.ndim != 2 or shape.shape[0] != shape.shape[1]:
        raise InputError(f"mask: found {list(shape.shape)}, expected a square [M, M] of 0 to 1 in the crop's frame")
    source = torch.from_numpy(np.array(shape, dtype=np.float32))[None]
    cover = warp(source, _to_frame(aligned, region, len(shape)), bottom - top, right - left).clamp(0, 1)
    return cover * _inside(aligned, region)


def _inside(aligned: AlignedFace, region: Region) -> Tensor:
    """1 in the square, 0 outside, in between for pixels that its edges cross: [h, w]."""
    left, top, right, bottom = region
    side = geometry.side_px(aligned.quad)
    (a, b, c), (d, e, f), _ = _to_frame(aligned, region, 1) * side  # to px of the photo, along the square's own axes
    x, y = np.arange(right - left)[None, :] + 0.5, np.arange(bottom - top)[:, None] + 0.5
    across, down = a * x + b * y + c, d * x + e * y + f
    depth = np.minimum(np.minimum(across, side - across), np.minimum(down, side - down))  # px from the nearest edge
    return torch.from_numpy(np.clip(depth + 0.5, 0, 1)).float()


def _replaced(photo: NDArray[np.uint8], region: Region, part: Tensor) -> NDArray[np.uint8]:
    left, top, right, bottom = region
    result = np.array(photo)
    result[top:bottom, left:right] = to_uint8(part)
    return result
