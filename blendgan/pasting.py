"""Faces that two models drew → layers over their photo, in the photo's colours where that is wished."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from blendgan.colour import take_colours
from blendgan.images import from_uint8, to_uint8
from projector import head
from projector.alignment import AlignedFace
from projector.layer import Ground, Layer, Start, face_layer

# How to paste → the share of the photo's fine texture that is kept where none is said, by eye: with all of it a change
# is light on a photograph, with a quarter the face is painted; one that is pasted as it is looks scratched with any.
PASTES = {"change": 0.25, "face": 0.0}


def starts_of(grounds: Sequence[Ground], projected: Tensor) -> list[Start]:
    """Return where the change of each face starts: projected [faces, 3, H, W] in [-1, 1] is what BASE draws."""
    return [Start(ground, before) for ground, before in zip(grounds, to_uint8(projected), strict=True)]


def layers_of(starts: Sequence[Start], toonified: Tensor, paste: str, detail: float) -> list[Layer]:
    """Return a layer for each face: toonified [faces, 3, H, W] in [-1, 1] is what the blend draws.

    `paste` is one of PASTES; `detail` in [0, 1] the share of the photo's fine texture that stays.
    """
    drawn = zip(starts, to_uint8(toonified), strict=True)
    if paste == "face":
        return [face_layer(start.ground, after, detail) for start, after in drawn]
    return [start.change_to(after, detail) for start, after in drawn]


def in_colours_of_photo(toonified: Tensor, projected: Tensor, faces: Sequence[AlignedFace], paste: str) -> Tensor:
    """Return rendered faces in the colours of the photo's or, where only their change counts, of the projections.

    Pictures are [faces, 3, H, W] in [-1, 1].
    """
    photographed = from_uint8(np.stack([face.crop for face in faces]))
    where = torch.stack([head.plain(head.egg_of(face.points, face.quad), face.size) for face in faces])
    return take_colours(toonified, projected if paste == "change" else photographed, where)
