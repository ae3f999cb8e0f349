"""What sets right a picture that was made of features: its colours, and its artefacts (section 3, artifact removal)."""

from __future__ import annotations

import torch
from torch import Tensor

FLAT = 1e-6  # deviation of a colour that has none: it is moved, not stretched


def match_colours(pictures: Tensor, photo: Tensor) -> Tensor:
    """Give pictures [N, 3, H, W] the photo's [1, 3, H, W] mean and deviation, in red, green and blue each.

    Over the whole picture, also beside a mask: in a small region the change of colour is what was asked for.
    """
    mean, deviation = _moments(photo)
    own_mean, own_deviation = _moments(pictures)
    gain = torch.where(own_deviation > FLAT, deviation / own_deviation.clamp(min=FLAT), torch.ones_like(own_deviation))
    return (pictures - own_mean) * gain + mean


def without_artefacts(edited: Tensor, reconstructed: Tensor, photo: Tensor) -> Tensor:
    """Subtract r = reconstructed - photo: by it the way back from features spoils the photo itself, so the edit too.

    `reconstructed` is the photo, made of its own features in the same way as `edited` of others. All [1, 3, H, W].
    """
    return edited - (reconstructed - photo)


def _moments(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each colour, [N, 3, 1, 1]."""
    return pictures.mean(dim=(2, 3), keepdim=True), pictures.std(dim=(2, 3), correction=0, keepdim=True)
