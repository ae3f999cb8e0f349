"""Geometry of the augmentation: one matrix [3, 3] per picture, from output pixels to input pixels.

Pixel blits and general geometric transformations (Karras et al. 2020a, appendix B.1 and B.2). Positions are in px from
the middle of the picture.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.ops import upfirdn2d
from stylegan2.train.dice import Dice
from stylegan2.train.grid_sample import grid_sample

SYM6 = (  # low-pass taps of the sym6 wavelet, as the paper chooses for its resampling (appendix B.2)
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
TRANSLATION = 0.125  # pixel blits move by up to this share of the picture; fractional moves have it as their std
SCALE_STD = 0.2 * math.log(2)  # of ln(scale)


def blit_matrices(dice: Dice, size: tuple[int, int]) -> Tensor:
    """Mirror, quarter turns, moves by whole pixels; size is (width, height)."""
    mirror = 1 - 2 * dice.uniform(0, 2).floor() * dice.drawn()
    turn = dice.uniform(0, 4).floor() * dice.drawn() * (-math.pi / 2)
    moved = dice.drawn()
    x, y = ((dice.uniform(-TRANSLATION, TRANSLATION) * side * moved).round() for side in size)
    return scaling(mirror, torch.ones_like(mirror)) @ rotation(turn) @ translation(x, y)


def geometry_matrices(dice: Dice, size: tuple[int, int]) -> Tensor:
    """Scale, rotation, stretch, rotation, fractional move, in the paper's order; size is (width, height)."""
    p_rotate = 1 - (1 - dice.p) ** 0.5  # two rotations: at least one is drawn with probability p
    zoom = (dice.normal(SCALE_STD) * dice.drawn()).exp()
    before = dice.uniform(-math.pi, math.pi) * dice.drawn(p_rotate)
    stretch = (dice.normal(SCALE_STD) * dice.drawn()).exp()
    after = dice.uniform(-math.pi, math.pi) * dice.drawn(p_rotate)
    moved = dice.drawn()
    x, y = (dice.normal(TRANSLATION) * side * moved for side in size)
    return scaling(zoom, zoom) @ rotation(before) @ scaling(stretch, 1 / stretch) @ rotation(after) @ translation(x, y)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """[N], [N] -> [N, 3, 3]."""
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def rotation(angle_rad: Tensor) -> Tensor:
    """[N] -> [N, 3, 3]."""
    c, s, zero, one = angle_rad.cos(), angle_rad.sin(), torch.zeros_like(angle_rad), torch.ones_like(angle_rad)
    return torch.stack([c, -s, zero, s, c, zero, zero, zero, one], dim=1).reshape(-1, 3, 3)


def translation(x: Tensor, y: Tensor) -> Tensor:
    """[N], [N] -> [N, 3, 3]."""
    matrix = torch.eye(3, device=x.device).repeat(x.shape[0], 1, 1)
    matrix[:, 0, 2], matrix[:, 1, 2] = x, y
    return matrix


def apply_geometry(pictures: Tensor, matrices: Tensor) -> Tensor:
    """Resample pictures [N, 3, H, W] through matrices [N, 3, 3]: double, sample, halve; mirrored beyond the rim.

    Up- and down-sampling use an orthogonal wavelet's low-pass: but for the rim, the identity matrix gives the very
    picture.
    """
    n, c, height, width = pictures.shape
    up_x, up_y = (_doubling(side, pictures.device) for side in (width, height))
    fine = up_y @ pictures @ up_x.t()  # [N, 3, 2H, 2W]
    out = (width + _REACH, height + _REACH)  # px: half a filter more on every side
    shift = torch.full([1], _DELAY, device=matrices.device)
    matrices = translation(-shift, -shift) @ matrices @ translation(shift, shift)
    device = matrices.device
    theta = _diagonal(2 / width, 2 / height, device) @ matrices @ _diagonal(out[0] / 2, out[1] / 2, device)
    grid = F.affine_grid(theta[:, :2], [n, c, 2 * out[1], 2 * out[0]], align_corners=False)
    down_x, down_y = (_halving(side, pictures.device) for side in (width, height))
    return down_y @ grid_sample(fine, grid) @ down_x.t()


_REACH = len(SYM6) // 2  # samples of the doubled picture that the filter reaches to either side
_CENTRE = sum(i * tap for i, tap in enumerate(SYM6)) / sum(SYM6)  # 5.10: the wavelet is not quite symmetric
_DELAY = (_REACH - 1 + 0.5 - _CENTRE) / 2  # px that the doubled picture lies to the upper left of where it should


# What never changes is made once for a device: made anew, it would be copied there for every batch, and waited for.
_kept = lru_cache(maxsize=32)


@_kept
@torch.inference_mode(False)
@torch.no_grad()
def _doubling(side: int, device: torch.device) -> Tensor:
    """Mirror the rim, double, filter: as a matrix [2·side, side], since two products beat filtering three channels."""
    columns = torch.eye(side, device=device)[:, None, None]  # [side, 1, 1, side]: one picture of one row per column
    columns = F.pad(columns, (_REACH // 2, _REACH // 2, 0, 0), mode="reflect")
    return upfirdn2d(columns, _taps(device), up=[2, 1], padding=[0, -1, 0, 0], gain=2)[:, 0, 0].t()


@_kept
@torch.inference_mode(False)
@torch.no_grad()
def _halving(side: int, device: torch.device) -> Tensor:
    """Filter and halve: a matrix [side, 2·(side + reach)]."""
    columns = torch.eye(2 * (side + _REACH), device=device)[:, None, None]
    return upfirdn2d(columns, _taps(device), down=[2, 1], padding=[-1, -1, 0, 0], flip_filter=True)[:, 0, 0].t()


def _taps(device: torch.device) -> Tensor:
    taps = torch.tensor(SYM6, device=device)
    return (taps / taps.sum())[None]  # [1, 12]


@_kept
@torch.inference_mode(False)
def _diagonal(x: float, y: float, device: torch.device) -> Tensor:
    """The matrix [3, 3] that scales by x and y: normalised coordinates in [-1, 1] to px from the middle, or back."""
    return torch.diag(torch.tensor([x, y, 1.0], device=device))
