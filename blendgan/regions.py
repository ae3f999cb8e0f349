"""Named regions of an aligned face, as soft masks: formulas on the unit square of FFHQ's crop, seen as in the picture.

The alignment puts the eyes at (0.37, 0.465) and (0.62, 0.467) of the crop's side and the corners of the mouth at a
height of 0.714 (means of 300 portraits, which spread by less than 0.01). The shapes around these points were drawn by
eye.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]  # [H, W]

SIDE_PX = 256  # of the drawn masks; finer than any edge in them
EDGE = 0.12  # of the side: how wide the soft edge between the halves is
EYES = ((0.370, 0.455), (0.622, 0.457))  # a little above the pupils, so that the brows belong to them
EYE_RADII = (0.115, 0.085)
MOUTH, MOUTH_RADII = (0.497, 0.725), (0.165, 0.095)
FACE, FACE_RADII = (0.497, 0.560), (0.300, 0.370)  # from the hairline to the chin
HAIR_ENDS = (0.60, 0.85)  # hair fades out between these heights: below are neck and shoulders


def left(x: Field, y: Field) -> Field:
    """The left half of the picture as seen: the person's right."""
    return _step((0.5 - x) / EDGE + 0.5)


def right(x: Field, y: Field) -> Field:
    """The other half."""
    return 1 - left(x, y)


def eyes(x: Field, y: Field) -> Field:
    """Eyes and brows."""
    return np.maximum(*(_ellipse(x, y, centre, EYE_RADII, 0.5) for centre in EYES))


def mouth(x: Field, y: Field) -> Field:
    """Lips and what is close around them."""
    return _ellipse(x, y, MOUTH, MOUTH_RADII, 0.5)


def hair(x: Field, y: Field) -> Field:
    """All around the face down to the jaw: hair, and the background beside it."""
    top, bottom = HAIR_ENDS
    return (1 - _ellipse(x, y, FACE, FACE_RADII, 0.25)) * _step((bottom - y) / (bottom - top))


REGIONS: dict[str, Callable[[Field, Field], Field]] = {
    "eyes": eyes,
    "mouth": mouth,
    "hair": hair,
    "left": left,
    "right": right,
}


def draw_region(name: str) -> Field:
    """Return the mask [SIDE_PX, SIDE_PX] of a region in REGIONS, in [0, 1]."""
    middles = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    x, y = np.meshgrid(middles, middles)  # of the pixels, in sides of the crop, from the upper left
    return REGIONS[name](x, y)


def _ellipse(x: Field, y: Field, centre: tuple[float, float], radii: tuple[float, float], edge: float) -> Field:
    """1 inside, 0 outside; the edge is `edge` radii wide, half of it on either side of the ellipse."""
    distance = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])  # 1 on the ellipse
    return _step((1 - distance) / edge + 0.5)


def _step(t: Field) -> Field:
    """From 0 at t = 0 to 1 at t = 1, flat at both ends; 1 - _step(t) is _step(1 - t)."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
