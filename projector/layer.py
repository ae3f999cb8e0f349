"""Changed faces, ready to be pasted: as they are (face_layer), or only what changed in them (change_layer).

With P the photo, F the same without fine texture (pores, single hairs, grain; edges stay), and
G = F + detail · (P − F), the new face is

    change:  G + (rendered − projected)          face:  rendered + detail · (P − F)

and the photo becomes P + mask · (new − P). The change is not enlarged as it is: where projection and photo disagree, at
outlines above all, it would spill over. It is told as a function of the photo's colours (projector.guided), and what no
such function tells, strokes of the brush, comes on top where both agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from projector import geometry, guided, head
from projector.alignment import AlignedFace
from stylegan2.errors import InputError

# The change as a function of colour: windows of 0.04 of the crop's side to each side follow light and shadow on a face.
WINDOW = 0.04
SMOOTHNESS = (
    1e-2  # ε, for colours in [0, 1]: steps above 0.1 are edges; smaller ones, grain, are neither raised nor lost
)
FLAT_WINDOW, FLATNESS = 0.03, 4e-3  # likewise, by eye: skin and hair become flat, lids and lashes stay
AGREEMENT = (
    0.12  # misfit of projection and crop, the root of the squares' sum over colours, that costs 0.6 of the trust
)
LEAST_TRUST = 1e-3
LARGEST_FIT_PX = 256  # side: planes are smooth, larger crops are fitted in a copy of this size

Pixels = NDArray[np.uint8] | NDArray[np.float32]
Region = tuple[int, int, int, int]  # left, top, right, bottom in px of the photo


@dataclass(frozen=True, eq=False)
class Ground:
    """What of a face in its photo is the same whatever is pasted there; computed when it is first asked for.

    Whoever redraws a face again and again keeps its ground.
    """

    aligned: AlignedFace

    @cached_property
    def egg(self) -> head.Egg:
        """The outline of the head in the crop's frame."""
        return head.egg_of(self.aligned.points, self.aligned.quad)

    @cached_property
    def flat(self) -> Tensor:
        """Planes [12, S, S] that take fine texture out of the photo: its crop, filtered by itself (self-guided)."""
        guide = _small(unit(self.aligned.crop))
        radius = max(1, round(FLAT_WINDOW * guide.shape[-1]))
        return guided.fit(guide, guide, torch.ones_like(guide[:1]), radius, FLATNESS)

    @cached_property
    def region(self) -> Region:
        """The photo's part under the square; of no size where the square lies beside the photo."""
        width, height = self.aligned.photo_size
        x0, y0, x1, y1 = geometry.bounds(self.aligned.quad)
        left, top = min(max(math.floor(x0), 0), width), min(max(math.floor(y0), 0), height)
        return left, top, min(max(math.ceil(x1), left), width), min(max(math.ceil(y1), top), height)

    @cached_property
    def matte(self) -> Tensor:
        """What the head's mask is computed from: planes of the matte and its limit [5, S, S]."""
        crop = _small(unit(self.aligned.crop))
        return torch.cat([head.matte(self.egg, crop), head.limit(self.egg, crop.shape[-1])])


@dataclass(frozen=True, eq=False)
class Layer:
    """A face's new look, at the crop's size S; colours in [0, 1].

    `planes` [12, S, S] are of guided.fit and act on the photo; `extra` [3, S, S] is added to them. Without planes
    `extra` is the new face itself. `detail` in [0, 1] is the share of the photo's fine texture that stays. `mask`
    [M, M] of 0 to 1 in the crop's frame, as it is; None is the head.
    """

    ground: Ground
    planes: Tensor | None
    extra: Tensor
    detail: float
    mask: NDArray[np.float32] | None = None

    @property
    def aligned(self) -> AlignedFace:
        """The face and its place."""
        return self.ground.aligned

    @cached_property
    def cover(self) -> Tensor:
        """What the mask is computed from: the head's planes [5, S, S], or the given mask [1, M, M]."""
        if self.mask is not None:
            return torch.from_numpy(np.array(self.mask, dtype=np.float32))[None]
        return self.ground.matte


def face_layer(
    aligned: AlignedFace | Ground, crop: Pixels, detail: float = 0.0, mask: NDArray[np.float32] | None = None
) -> Layer:
    """Put `crop` in the place of the face. `crop`: [S, S, 3], 0 to 255, of any size S, in the frame of `aligned`.

    `aligned` may be the face's ground, where it is kept. Raises InputError where shapes do not fit or detail is not in
    [0, 1].
    """
    _check(crop, detail, mask)
    return Layer(_ground(aligned), None, unit(crop), detail, mask)


def change_layer(
    aligned: AlignedFace,
    before: Pixels,
    after: Pixels,
    detail: float = 1.0,
    mask: NDArray[np.float32] | None = None,
) -> Layer:
    """Add the change from `before` to `after`, both [S, S, 3], 0 to 255, of the size of the aligned crop.

    Raises InputError as `face_layer`.
    """
    return Start(Ground(aligned), before).change_to(after, detail, mask)


@dataclass(frozen=True, eq=False)
class Start:
    """A face's ground and the picture from which it changes: [S, S, 3], 0 to 255, of the size of the aligned crop.

    What does not depend on where the change goes is computed once. Raises InputError for another size.
    """

    ground: Ground
    before: Pixels

    def __post_init__(self) -> None:
        self._check_size(self.before, "before")

    def change_to(self, after: Pixels, detail: float = 1.0, mask: NDArray[np.float32] | None = None) -> Layer:
        """Add the change to `after`, of the same size. Raises InputError as `face_layer`."""
        _check(after, detail, mask)
        self._check_size(after, "after")
        change = unit(after) - self._old
        planes = self._windows.fit(_small(change))
        told = guided.apply(_sized(planes, self._crop.shape[-1]), self._crop)
        return Layer(self.ground, planes, (change - told) * self._agreement, detail, mask)

    @cached_property
    def _crop(self) -> Tensor:
        return unit(self.ground.aligned.crop)

    @cached_property
    def _old(self) -> Tensor:
        return unit(self.before)

    @cached_property
    def _trust(self) -> Tensor:
        """How far the picture is the photo's [1, S, S]: where it is not, its change is not to be believed."""
        radius = max(1, self._crop.shape[-1] // 128)
        misfit = guided.box_mean(self._crop - self._old, radius).square().sum(0, keepdim=True)
        return torch.exp(-misfit / (2 * AGREEMENT**2))

    @cached_property
    def _agreement(self) -> Tensor:
        return guided.box_mean(self._trust, max(1, self._crop.shape[-1] // 64))

    @cached_property
    def _windows(self) -> guided.Windows:
        guide = _small(self._crop)
        radius = max(1, round(WINDOW * guide.shape[-1]))
        return guided.Windows(guide, _small(self._trust) + LEAST_TRUST, radius, SMOOTHNESS)

    def _check_size(self, picture: Pixels, name: str) -> None:
        expected = self.ground.aligned.crop.shape
        if picture.shape != expected:
            raise InputError(
                f"crops: found {list(picture.shape)} {name}, expected the size of the aligned crop, {list(expected)}"
            )


def _ground(face: AlignedFace | Ground) -> Ground:
    return face if isinstance(face, Ground) else Ground(face)


def unit(pixels: Pixels) -> Tensor:
    """Return [S, S, 3] of 0 to 255 as float32 [3, S, S] in [0, 1]."""
    return torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(2, 0, 1).div(255)


def _small(planes: Tensor) -> Tensor:
    return _sized(planes, min(planes.shape[-1], LARGEST_FIT_PX))


def _sized(planes: Tensor, side: int) -> Tensor:
    if planes.shape[-1] == side:
        return planes
    return F.interpolate(planes[None], size=(side, side), mode="bicubic", antialias=True)[0]


def _check(crop: Pixels, detail: float, mask: NDArray[np.float32] | None) -> None:
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3:
        raise InputError(f"crop: found {list(crop.shape)}, expected a square [S, S, 3]")
    if mask is not None and (mask.ndim != 2 or mask.shape[0] != mask.shape[1]):
        raise InputError(f"mask: found {list(mask.shape)}, expected a square [M, M] of 0 to 1 in the crop's frame")
    if not 0 <= detail <= 1:
        raise InputError(f"detail: found {detail:g}, expected 0 (none of the photo's fine texture) to 1 (all of it)")
