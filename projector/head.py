"""Which part of an aligned crop is the head: an egg by the face's five points, refined by the photo's colours.

Positions are in the frame of the crop: (0, 0) its upper left corner, (1, 1) its lower right one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from projector import geometry, guided

# The mean points of the training faces in their crops, in the order of `Face.points`: for crops without points.
MEAN_POINTS = np.array([[0.374, 0.470], [0.622, 0.471], [0.498, 0.612], [0.392, 0.714], [0.605, 0.714]])

# The egg, in shares of the crop's side, which FFHQ's alignment makes the same multiple of the face in every crop.
# All of it was chosen by eye, on 40 of the training faces and 12 photographs: it is to hold hair of usual volume.
HALF_WIDTH, ABOVE_EYES, BELOW_MOUTH = 0.36, 0.40, 0.75  # the last: chin below mouth, in distances from eyes to mouth
RAISED = 0.02  # of the widest line above the eyes
SQUARENESS = 2.3  # exponent of the outline: 2 is an ellipse
JAW = 0.30  # how much narrower it gets toward the chin
TURN_SHIFT = 0.4  # a turned head lies behind its nose: by this share of the nose's own shift

# How far out, in shares of the egg: up to CORE all is head, beyond FAR nothing is; LIMIT is where the last change ends.
CORE, FAR = 0.75, 1.2
EDGE = 0.02  # softness of those two borders
LIMIT = (FAR - 0.15, FAR + 0.15)
RIM = (0.02, 0.1)  # the change fades toward the crop's border, beyond which nothing is known

# Between core and far the colours decide. The windows must reach both: 0.14 of the crop's side to each side.
WINDOW = 0.14
SMOOTHNESS = 2e-3  # ε of the guided filter, for colours in [0, 1]: steps above 0.045 are edges
EGG_TRUST = 0.05  # of the egg itself between core and far: decides where colours cannot
SURE = (0.35, 0.95)  # a fitted share below is none, above is all


@dataclass(frozen=True)
class Egg:
    """The outline of a head in the frame of its crop: `reach` is 1 on it."""

    x: float
    y: float
    half_width: float
    above: float
    below: float

    def reach(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far out positions lie: 0 in the middle, 1 on the outline."""
        down = np.where(y < self.y, (self.y - y) / self.above, (y - self.y) / self.below)
        narrowed = 1 + JAW * np.where(y < self.y, 0.0, down) ** 2
        across = np.abs(x - self.x) / self.half_width * narrowed
        outward: NDArray[np.float64] = (across**SQUARENESS + down**SQUARENESS) ** (1 / SQUARENESS)
        return outward


def egg_of(points: NDArray[np.floating] | None, quad: geometry.Array) -> Egg:
    """Return the egg of a face by its five points, in px of the photo, in `quad`; None is the mean face."""
    to_frame = geometry.inverse(geometry.crop_to_photo(quad, 1))
    placed = MEAN_POINTS if points is None else geometry.apply(to_frame, points)
    left_eye, right_eye, nose, left_mouth, right_mouth = placed
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    middle = (eyes + mouth) / 2
    y = float(eyes[1]) - RAISED
    chin = float(mouth[1] + BELOW_MOUTH * (mouth[1] - eyes[1]))
    return Egg(float(middle[0] - TURN_SHIFT * (nose[0] - middle[0])), y, HALF_WIDTH, ABOVE_EYES, chin - y)


def limit(egg: Egg, size: int) -> Tensor:
    """Return [1, size, size]: where a change may be at all, 0 to 1, smooth."""
    x, y = _positions(size)
    inward = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    return _plane(fall(egg.reach(x, y), *LIMIT) * (1 - fall(inward, *RIM)))


def plain(egg: Egg, size: int) -> Tensor:
    """Return [1, size, size]: the head by the points alone, 1 in its core, smoothly 0 beyond it."""
    return _plane(fall(egg.reach(*_positions(size)), CORE, FAR))


def matte(egg: Egg, crop: Tensor) -> Tensor:
    """Return planes [4, S, S] of guided.fit that tell head (1) from background (0) by colour: crop [3, S, S] in [0, 1].

    Core and far are known; between them the affine model of the windows that reach both is taken.
    """
    size = crop.shape[-1]
    reach = egg.reach(*_positions(size))
    core, far = fall(reach, CORE - EDGE, CORE + EDGE), 1 - fall(reach, FAR, FAR + 2 * EDGE)
    trust = _plane(np.minimum(EGG_TRUST + core + far, 1))
    return guided.fit(crop, plain(egg, size), trust, max(1, round(WINDOW * size)), SMOOTHNESS)


def share(planes: Tensor, pixels: Tensor) -> Tensor:
    """Evaluate a matte at pixels [3, h, w] in [0, 1]: the share of the head [1, h, w]."""
    none, all_ = SURE
    t = ((guided.apply(planes, pixels) - none) / (all_ - none)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def fall(value: NDArray[np.floating], start: float, end: float) -> NDArray[np.float64]:
    """1 up to `start`, 0 from `end` on, smoothly between (a cubic without slope at its ends)."""
    t = np.clip((end - value) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float64)


def _positions(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = (np.arange(size) + 0.5) / size
    return along[None, :], along[:, None]


def _plane(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))[None]
