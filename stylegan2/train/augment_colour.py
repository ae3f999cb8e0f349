"""Colour of the augmentation: one matrix [4, 4] per picture on (r, g, b, 1), with pictures in [-1, 1].

Brightness, contrast, luma flip, hue, saturation (Karras et al. 2020a, appendix B.2).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stylegan2.train.dice import Dice

LOG2 = math.log(2)
BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.5 * LOG2, 1.0 * LOG2


def colour_matrices(dice: Dice) -> Tensor:
    """Brightness, contrast, luma flip, hue rotation, saturation, in the paper's order."""
    device = dice.generator.device
    eye = torch.eye(4, device=device)
    grey = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device) / math.sqrt(3)  # the luma axis
    luma = grey.outer(grey)  # projection onto it
    matrix = eye.repeat(dice.count, 1, 1)
    matrix[:, :3, 3] = (dice.normal(BRIGHTNESS_STD) * dice.drawn())[:, None]
    contrast = (dice.normal(CONTRAST_STD) * dice.drawn()).exp()
    one = torch.ones_like(contrast)
    matrix = torch.diag_embed(torch.stack([contrast, contrast, contrast, one], dim=1)) @ matrix
    flip = dice.uniform(0, 2).floor() * dice.drawn()
    matrix = (eye - 2 * luma * flip[:, None, None]) @ matrix
    matrix = _hue_rotation(dice.uniform(-math.pi, math.pi) * dice.drawn(), grey) @ matrix
    saturation = (dice.normal(SATURATION_STD) * dice.drawn()).exp()
    return (luma + (eye - luma) * _only_colour(saturation)) @ matrix


def _only_colour(factor: Tensor) -> Tensor:
    """[N] -> [N, 1, 4] column factors that leave the constant 1 alone."""
    one = torch.ones_like(factor)
    return torch.stack([factor, factor, factor, one], dim=1)[:, None, :]


def _hue_rotation(angle_rad: Tensor, axis: Tensor) -> Tensor:
    """Rotation of colour about the grey `axis` [4] (Rodrigues): [N] -> [N, 4, 4]."""
    x, y, z = axis[:3].tolist()
    cross = torch.zeros(4, 4, device=axis.device)
    cross[:3, :3] = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    flat = torch.zeros(4, 4, device=axis.device)
    flat[:3, :3] = torch.eye(3) - axis[:3].outer(axis[:3]).cpu()  # projection onto the plane of colours
    c, s = angle_rad.cos()[:, None, None], angle_rad.sin()[:, None, None]
    return torch.eye(4, device=axis.device) + (c - 1) * flat + s * cross


def apply_colour(pictures: Tensor, matrices: Tensor) -> Tensor:
    """pictures [N, 3, H, W], matrices [N, 4, 4] -> [N, 3, H, W]."""
    n, _, height, width = pictures.shape
    flat = matrices[:, :3, :3] @ pictures.reshape(n, 3, -1) + matrices[:, :3, 3:]
    return flat.reshape(n, 3, height, width)
