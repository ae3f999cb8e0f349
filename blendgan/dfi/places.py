"""Where in a photo is edited: its faces, each aligned, or the whole picture; and the way back into the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from blendgan.dfi.features import Layers, fitting_size
from blendgan.dfi.room import require_room
from blendgan.dfi.sets import resized
from blendgan.faces import Selection, align_faces
from blendgan.images import from_uint8, to_uint8
from blendgan.masks import Mask
from projector.alignment import AlignedFace, align_quad
from projector.layer import Layer, change_layer, face_layer
from projector.paste import compose
from projector.photo import Photo, with_pixels
from stylegan2.errors import InputError

GREY_LEVEL = 128  # of a hole; as GREY in editing


class Place(Protocol):
    """A picture that is edited: `before` [1, 3, H, W] in [-1, 1]; `mask` [1, 1, H, W] in [0, 1], None is all of it.

    `own_size` (height, width): what it had before, None where it was cut at the size that is worked on.
    """

    @property
    def before(self) -> Tensor: ...

    @property
    def mask(self) -> Tensor | None: ...

    @property
    def own_size(self) -> tuple[int, int] | None: ...

    def paste(self, photo: Photo, places: Sequence[Place], after: Sequence[Tensor]) -> Image.Image:
        """Return the photo with all places, which are of one kind, as they are afterwards."""
        ...


@dataclass(frozen=True, eq=False)
class WholePlace:
    """The picture itself, at the size that is worked on. `cover` [1, 1, H, W] in [0, 1]: the mask at the photo's size.

    `is_new`: what is in the mask is not a change of the photo, but takes its place (a hole was filled).
    """

    before: Tensor
    mask: Tensor | None
    cover: Tensor | None
    is_new: bool
    own_size: tuple[int, int] | None

    def paste(self, photo: Photo, places: Sequence[Place], after: Sequence[Tensor]) -> Image.Image:
        """Add the change, at the photo's own size: what the smaller picture did not hold stays."""
        old = from_uint8(photo.pixels)
        if self.is_new and self.cover is not None:
            return with_pixels(photo, to_uint8(old.lerp(resized(after[0], *old.shape[2:]), self.cover))[0])
        change = resized(after[0] - self.before, *old.shape[2:])
        if self.cover is not None:
            change = change * (self.cover > 0)  # it has the mask's softness already; enlarged it reaches beyond
        return with_pixels(photo, to_uint8(old + change)[0])


@dataclass(frozen=True, eq=False)
class FacePlace:
    """A face. `is_new`: what is in the mask is not a change of the photo, but takes its place (a hole was filled)."""

    face: AlignedFace
    mask: Tensor | None
    is_new: bool

    @property
    def own_size(self) -> tuple[int, int] | None:
        """None: a crop has no other size."""
        return None

    @property
    def before(self) -> Tensor:
        """The crop."""
        return from_uint8(self.face.crop)

    def paste(self, photo: Photo, places: Sequence[Place], after: Sequence[Tensor]) -> Image.Image:
        """Paste the change of every face, enlarged by its colours (projector.layer), in the head or in the mask."""
        pairs = zip(places, after, strict=True)
        return compose(photo, [place.layer(each) for place, each in pairs if isinstance(place, FacePlace)])

    def layer(self, after: Tensor) -> Layer:
        """What is pasted of the face [1, 3, S, S]."""
        mask = None if self.mask is None else np.ascontiguousarray(self.mask[0, 0].numpy())
        if mask is not None and not self.is_new:
            mask = (mask > 0).astype(np.float32)  # the change has the mask's softness already
        pixels: NDArray[np.float32] = after.add(1).mul(127.5)[0].permute(1, 2, 0).contiguous().numpy()
        if self.is_new:
            return face_layer(self.face, pixels, 0.0, mask)
        return change_layer(self.face, self.face.crop, pixels, 1.0, mask)


def whole_place(photo: Photo, features: Layers, size_px: int, mask: Mask | None, *, is_new: bool) -> WholePlace:
    """Take the picture as it is, its longer side at about `size_px`.

    Raises InputError for a mask that does not fit, and a size that memory does not hold.
    """
    height, width = photo.pixels.shape[:2]
    fitted = fitting_size(features, height, width, size_px)
    require_room(features, *fitted)
    if mask is None:
        return WholePlace(resized(from_uint8(photo.pixels), *fitted), None, None, is_new, (height, width))
    require_fit(mask, height, width)
    if not bool(mask.levels.any()):
        raise InputError(f"{mask.name}: found a mask that is black all over, expected white where the photo may change")
    seen = without_hole(photo.pixels, mask) if is_new else photo.pixels
    before = resized(from_uint8(seen), *fitted)
    return WholePlace(before, mask.at(*fitted), mask.at(height, width), is_new, (height, width))


def face_places(
    photo: Photo, name: str, features: Layers, size_px: int, selection: Selection, mask: Mask | None, *, is_new: bool
) -> list[Place]:
    """Find the chosen faces, left to right, aligned at about `size_px`; those that the mask leaves out are left out.

    A region is one of each face; a mask's file is one of the photo. Raises NoFaceFound, and InputError for a mask that
    does not fit, or covers no face, and for a size that memory does not hold.
    """
    if mask is not None:
        require_fit(mask, *photo.pixels.shape[:2])
    side, _ = fitting_size(features, 1, 1, size_px)
    require_room(features, side, side)
    faces = align_faces(photo, name, selection, side)
    if mask is None:
        return [FacePlace(face, None, is_new) for face in faces]
    if is_new and not mask.is_region:
        seen = without_hole(photo.pixels, mask)
        faces = [align_quad(seen, face.quad, face.size, face.score, face.points) for face in faces]
    masked = [FacePlace(face, _in_frame(mask, face, photo), is_new) for face in faces]
    covered: list[Place] = [place for place in masked if place.mask is not None and bool(place.mask.any())]
    if not covered:
        raise InputError(
            f"{mask.name}: covers no face of {name}, expected white over one; or take it as it is: --aligned"
        )
    return covered


def require_fit(mask: Mask, height: int, width: int) -> None:
    """Raise InputError unless a mask is a region, or has the aspect of the photo, height x width, to a pixel."""
    tall, wide = mask.levels.shape
    if not mask.is_region and abs(tall * width - wide * height) > max(height, width, tall, wide):
        raise InputError(
            f"{mask.name}: found a mask of {wide} x {tall} px, expected the aspect of the photo, {width} x {height}; "
            "crop it, or draw it on the photo itself"
        )


def without_hole(pixels: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """The photo, uint8 [H, W, 3], grey wherever its mask is not black: made smaller, the hole must not bleed."""
    hole = mask.at(*pixels.shape[:2])[0, 0].numpy() > 0
    return np.where(hole[..., None], np.uint8(GREY_LEVEL), pixels)


def _in_frame(mask: Mask, face: AlignedFace, photo: Photo) -> Tensor:
    """The mask in the frame of a face's crop [1, 1, S, S]: a region lies there already."""
    if mask.is_region:
        return mask.at(face.size, face.size)
    grey = mask.at(*photo.pixels.shape[:2])[0, 0].mul(255).round().to(torch.uint8).numpy()
    cut = align_quad(np.repeat(grey[..., None], 3, axis=2), face.quad, face.size).crop
    return from_uint8(cut)[:, :1].add(1).div(2)
