"""Layers -> into their photo, softly; and one face by itself.

A layer turns the photo P into P + mask · (new − P), see projector.layer. The mask is the head, by its points and the
photo's colours (projector.head). Where heads overlap a pixel belongs to the one whose middle it is nearer to, and small
faces, which are farther away, are pasted first. All is computed in strips, so that giant faces take little memory;
float32 until one rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from projector import geometry, guided, head
from projector.alignment import AlignedFace, to_uint8
from projector.layer import Layer, Pixels, Region, change_layer, face_layer
from projector.photo import Photo, with_pixels
from projector.resample import Kernel, warp
from stylegan2.errors import InputError

OWNERSHIP = 0.3  # in shares of the egg: width of the border between two heads that overlap
STRIP_PX = 1 << 19  # of the photo at once: about 80 MB


def compose(photo: Photo, layers: Sequence[Layer]) -> Image.Image:
    """Return the photo in its own form with all layers pasted, small faces first.

    Takes one copy of the photo and a strip, whatever the number of layers. Raises InputError where a face was aligned
    in a photo of another size.
    """
    image = with_pixels(photo, photo.pixels)
    for layer in sorted(layers, key=lambda each: geometry.side_px(each.aligned.quad)):
        for box, part in parts(photo.pixels, layer, [other for other in layers if other is not layer]):
            _put(image, box, part)
    return image


def paste_face(
    photo: NDArray[np.uint8],
    aligned: AlignedFace,
    crop: Pixels,
    mask: NDArray[np.float32] | None = None,
    *,
    detail: float = 0.0,
) -> NDArray[np.uint8]:
    """Return the photo, uint8 RGB [H, W, 3], with one `face_layer`; outside its mask no pixel changes."""
    return _pasted(photo, face_layer(aligned, crop, detail, mask))


def paste_change(
    photo: NDArray[np.uint8],
    aligned: AlignedFace,
    before: Pixels,
    after: Pixels,
    mask: NDArray[np.float32] | None = None,
    *,
    detail: float = 1.0,
) -> NDArray[np.uint8]:
    """Return the photo, uint8 RGB [H, W, 3], with one `change_layer`; outside its mask no pixel changes."""
    return _pasted(photo, change_layer(aligned, before, after, detail, mask))


def _pasted(photo: NDArray[np.uint8], layer: Layer) -> NDArray[np.uint8]:
    result = np.array(photo)
    for (left, top, right, bottom), part in parts(photo, layer, ()):
        under = torch.from_numpy(result[top:bottom, left:right].copy()).permute(2, 0, 1).float()
        result[top:bottom, left:right] = part.over(under)
    return result


@dataclass(frozen=True, eq=False)
class Part:
    """A strip of a layer in the photo: the new colours [3, h, w], 0 to 255, and the mask [1, h, w]."""

    new: Tensor
    mask: Tensor

    def over(self, under: Tensor) -> NDArray[np.uint8]:
        """Blend over [3, h, w], 0 to 255; where the mask is 0 nothing changes, to the bit."""
        return to_uint8(under + self.mask * (self.new - under))


def parts(photo: NDArray[np.uint8], layer: Layer, others: Sequence[Layer]) -> Iterator[tuple[Region, Part]]:
    """Yield a layer strip by strip over the photo it was aligned in; `others` share it. Raises InputError."""
    width, height = layer.aligned.photo_size
    if photo.shape != (height, width, 3) or photo.dtype != np.uint8:
        raise InputError(
            f"photo: found {photo.dtype} {list(photo.shape)}, expected uint8 [{height}, {width}, 3], the photo that "
            "the face was aligned in; paste into that one, upright and at its own size"
        )
    near = [other for other in others if _overlap(layer.ground.region, other.ground.region)]
    left, top, right, bottom = layer.ground.region
    rows = _strip_rows(layer)
    for start in range(top, bottom if right > left else top, rows):
        box = left, start, right, min(start + rows, bottom)
        yield box, _part(photo, layer, near, box)


def _strip_rows(layer: Layer) -> int:
    """Faces smaller than their crop are small enough to be done at once, as antialiasing needs."""
    left, top, right, bottom = layer.ground.region
    is_reduced = geometry.side_px(layer.aligned.quad) < max(layer.extra.shape[-1], layer.cover.shape[-1])
    return max(1, bottom - top if is_reduced else STRIP_PX // max(1, right - left))


def _part(photo: NDArray[np.uint8], layer: Layer, near: Sequence[Layer], box: Region) -> Part:
    left, top, right, bottom = box
    old = torch.from_numpy(photo[top:bottom, left:right].copy()).permute(2, 0, 1).float().div_(255)
    mask = _mask(layer, old, box)
    for other in near:
        mask = mask * _ownership(layer, other, box)
    return Part(_new(layer, old, box).mul_(255), mask)


def _new(layer: Layer, old: Tensor, box: Region) -> Tensor:
    """The new face over a strip [3, h, w] of the photo, in [0, 1]."""
    extra = _placed(layer.extra, layer.aligned, box)
    if layer.planes is None:
        return extra + layer.detail * (old - _flattened(layer, old, box)) if layer.detail else extra
    guide = old if layer.detail == 1 else _flattened(layer, old, box).lerp_(old, layer.detail)
    return guide + guided.apply(_placed(layer.planes, layer.aligned, box, "bilinear"), guide) + extra


def _mask(layer: Layer, old: Tensor, box: Region) -> Tensor:
    """The mask [1, h, w], cut off at the square's edges (pixels on them count in part)."""
    cover = _placed(layer.cover, layer.aligned, box, "bilinear")
    shape = cover if len(cover) == 1 else head.share(cover[:-1], old) * cover[-1:]
    return shape.clamp(0, 1) * _inside(layer.aligned, box)


def _ownership(layer: Layer, other: Layer, box: Region) -> Tensor:
    """The share [1, h, w] of pixels that belong to this head rather than to the other; both shares add up to 1."""
    mine, theirs = (_reach(each, box) for each in (layer, other))
    return torch.from_numpy(head.fall(mine - theirs, -OWNERSHIP / 2, OWNERSHIP / 2)).float()[None]


def _reach(layer: Layer, box: Region) -> NDArray[np.float64]:
    x, y = _mapped(_to_frame(layer.aligned, box, 1), box)
    return layer.ground.egg.reach(x, y)


def _inside(aligned: AlignedFace, box: Region) -> Tensor:
    """1 in the square, 0 outside, in between for pixels that its edges cross: [1, h, w]."""
    side = geometry.side_px(aligned.quad)
    across, down = (side * each for each in _mapped(_to_frame(aligned, box, 1), box))  # px along the square's own axes
    depth = np.minimum(np.minimum(across, side - across), np.minimum(down, side - down))  # px from the nearest edge
    return torch.from_numpy(np.clip(depth + 0.5, 0, 1)).float()[None]


def _mapped(matrix: geometry.Array, box: Region) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the pixels of a box lie under a map: x and y, both [h, w]."""
    left, top, right, bottom = box
    x, y = np.arange(right - left)[None, :] + 0.5, np.arange(bottom - top)[:, None] + 0.5
    (a, b, c), (d, e, f), _ = matrix
    return a * x + b * y + c, d * x + e * y + f


def _flattened(layer: Layer, old: Tensor, box: Region) -> Tensor:
    """The photo over a strip without its fine texture: edges stay."""
    return guided.apply(_placed(layer.ground.flat, layer.aligned, box, "bilinear"), old)


def _placed(planes: Tensor, aligned: AlignedFace, box: Region, kernel: Kernel = "bicubic") -> Tensor:
    """Resample [C, S, S] of the crop's frame over a box of the photo."""
    left, top, right, bottom = box
    return warp(planes, _to_frame(aligned, box, planes.shape[-1]), bottom - top, right - left, kernel)


def _to_frame(aligned: AlignedFace, box: Region, size: int) -> geometry.Array:
    to_frame = geometry.inverse(geometry.crop_to_photo(aligned.quad, size))
    return np.asarray(to_frame @ geometry.translation(box[0], box[1]))


def _overlap(one: Region, other: Region) -> bool:
    return max(one[0], other[0]) < min(one[2], other[2]) and max(one[1], other[1]) < min(one[3], other[3])


def _put(image: Image.Image, box: Region, part: Part) -> None:
    """Blend a strip over an image of mode RGB or RGBA, in place; its alpha stays."""
    under = image.crop(box)
    colours = torch.from_numpy(np.array(under.convert("RGB"))).permute(2, 0, 1).float()
    patch = Image.fromarray(part.over(colours))
    if image.mode == "RGBA":
        patch.putalpha(under.getchannel("A"))
    image.paste(patch, box)
