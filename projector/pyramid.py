"""A picture at many scales, and square windows cut from it at any place, size and angle.

Positions are those of projector.geometry: continuous px of the full picture, pixel centres at + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

STEP = 0.5**0.5  # from level to level; Zhang et al. do not say, their code steps by 0.709


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Levels [1, 3, h, w], float32 in [-1, 1], from the picture itself down; `scales[i]` = px of level i per px."""

    levels: tuple[Tensor, ...]
    scales: tuple[float, ...]

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        height, width = self.levels[0].shape[2:]
        return height, width


def build_pyramid(image: Tensor, smallest_px: int) -> Pyramid:
    """Shrink [1, 3, H, W] step by step for as long as its shorter side keeps `smallest_px`.

    Two levels are an octave, and each level is the mean of 2x2 px of the last but one: scales stay exact.
    """
    levels = [image]
    while min(levels[-1].shape[2:]) * STEP >= smallest_px:
        levels.append(F.avg_pool2d(levels[-2], 2) if len(levels) > 1 else _first_step(image))
    return Pyramid(tuple(levels), tuple(STEP**i for i in range(len(levels))))


def _first_step(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=STEP, mode="bilinear", antialias=True)


def cut_windows(pyramid: Pyramid, squares: Tensor, window_px: int) -> Tensor:
    """Sample squares [N, 4] = (centre x, centre y, side, roll in rad) as windows [N, 3, window_px, window_px].

    Each comes from the level on which its side is nearest to `window_px`. Outside the picture its rim repeats.
    """
    scales = torch.tensor(pyramid.scales)
    misfit = (scales.log()[None] + (squares[:, 2:3] / window_px).log()).abs()  # [N, levels]
    chosen = misfit.argmin(1)
    windows = squares.new_empty(len(squares), 3, window_px, window_px)
    for index in chosen.unique().tolist():
        level, here = pyramid.levels[index], chosen == index
        grid = _positions(squares[here], window_px) * pyramid.scales[index]  # [n, size, size, 2], px of the level
        windows[here] = _sample(level, grid)
    return windows


def _positions(squares: Tensor, window_px: int) -> Tensor:
    along = (torch.arange(window_px) + 0.5) / window_px - 0.5  # shares of the side, from the centre
    y, x = torch.meshgrid(along, along, indexing="ij")
    offsets = torch.stack([x, y], -1).reshape(1, -1, 2).expand(len(squares), -1, -1)
    return place(squares, offsets).reshape(-1, window_px, window_px, 2)


def place(squares: Tensor, offsets: Tensor) -> Tensor:
    """Map offsets [N, K, 2], shares of each square's side from its centre, to positions in the picture."""
    cos, sin = squares[:, 3].cos(), squares[:, 3].sin()
    turn = torch.stack([cos, -sin, sin, cos], -1).reshape(-1, 2, 2)
    return squares[:, None, :2] + squares[:, None, 2:3] * (offsets @ turn.mT)


def _sample(level: Tensor, positions: Tensor) -> Tensor:
    """Bilinear samples of one level at positions [n, s, s, 2] -> [n, 3, s, s]; stacked, to read the level once."""
    n, size = positions.shape[:2]
    extent = torch.tensor([level.shape[3], level.shape[2]])
    grid = (2 * positions / extent - 1).reshape(1, n * size, size, 2)
    tall = F.grid_sample(level, grid, padding_mode="border", align_corners=False)
    return tall.reshape(3, n, size, size).transpose(0, 1)
