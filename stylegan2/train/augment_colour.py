"""Colour of the augmentation: one matrix [4, 4] per picture on (r, g, b, 1), with pictures in [-1, 1].

Brightness, contrast, luma flip, hue, saturation (Karras et al. 2020a, appendix B.2).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from stylegan2.train.dice import Dice

LOG2 = math.log(2)
BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.5 * LOG2, 1.0 * LOG2


def colour_matrices(dice: Dice) -> Tensor:
    """Brightness, contrast, luma flip, hue rotation, saturation, in the paper's order."""
    device = dice.generator.device
    eye = torch.eye(4, device=device)
    luma, flat, cross = _constants(device)
    matrix = eye.repeat(dice.count, 1, 1)
    matrix[:, :3, 3] = (dice.normal(BRIGHTNESS_STD) * dice.drawn())[:, None]
    contrast = (dice.normal(CONTRAST_STD) * dice.drawn()).exp()
    one = torch.ones_like(contrast)
    matrix = torch.diag_embed(torch.stack([contrast, contrast, contrast, one], dim=1)) @ matrix
    flip = dice.uniform(0, 2).floor() * dice.drawn()
    matrix = (eye - 2 * luma * flip[:, None, None]) @ matrix
    matrix = _hue_rotation(dice.uniform(-math.pi, math.pi) * dice.drawn(), flat, cross) @ matrix
    saturation = (dice.normal(SATURATION_STD) * dice.drawn()).exp()
    return (luma + (eye - luma) * _only_colour(saturation)) @ matrix


def _only_colour(factor: Tensor) -> Tensor:
    """[N] -> [N, 1, 4] column factors that leave the constant 1 alone."""
    one = torch.ones_like(factor)
    return torch.stack([factor, factor, factor, one], dim=1)[:, None, :]


def _hue_rotation(angle_rad: Tensor, flat: Tensor, cross: Tensor) -> Tensor:
    """Rotation of colour about the grey axis (Rodrigues): [N] -> [N, 4, 4]."""
    c, s = angle_rad.cos()[:, None, None], angle_rad.sin()[:, None, None]
    return torch.eye(4, device=flat.device) + (c - 1) * flat + s * cross


@lru_cache(maxsize=8)  # made anew, they would be copied to the device for every batch, and waited for
@torch.inference_mode(False)
def _constants(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Three matrices [4, 4] on a device: projection onto the luma axis, and onto its plane; cross product with it."""
    grey = torch.tensor([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)  # the luma axis
    x, y, z = grey[:3].tolist()
    flat, cross = torch.zeros(4, 4), torch.zeros(4, 4)
    cross[:3, :3] = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    flat[:3, :3] = torch.eye(3) - grey[:3].outer(grey[:3])  # the plane of colours
    return grey.outer(grey).to(device), flat.to(device), cross.to(device)


def apply_colour(pictures: Tensor, matrices: Tensor) -> Tensor:
    """pictures [N, 3, H, W], matrices [N, 4, 4] -> [N, 3, H, W]."""
    n, _, height, width = pictures.shape
    flat = matrices[:, :3, :3] @ pictures.reshape(n, 3, -1) + matrices[:, :3, 3:]
    return flat.reshape(n, 3, height, width)
