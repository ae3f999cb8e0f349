"""Where two pictures of one size differ, and by how much: colours, pixel by pixel."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from blendgan.colour import distances
from blendgan.images import from_uint8, png_bytes, to_pictures
from stylegan2.errors import InputError

WHITE = 50.0  # ΔE*ab that is drawn white: a blend seldom moves a pixel further


@dataclass(frozen=True)
class Contrast:
    """`picture`: a PNG file, black where two pictures agree, white from WHITE on; `mean` and `largest` are ΔE*ab."""

    picture: bytes
    mean: float
    largest: float


def contrast(picture: bytes, other: bytes) -> Contrast:
    """Compare two PNG files. Raises InputError for two sizes."""
    one, two = (from_uint8(np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))) for file in (picture, other))
    if one.shape != two.shape:
        sizes = " and ".join(f"{image.shape[3]} x {image.shape[2]} px" for image in (one, two))
        raise InputError(f"pictures: found {sizes}, expected two of one size")
    found = distances(one, two)
    (shown,) = to_pictures(found.div(WHITE / 2).sub(1))
    return Contrast(png_bytes(shown), float(found.mean()), float(found.max()))
