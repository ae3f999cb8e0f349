"""Bilinear sampling that can be differentiated twice by the picture, which R1 through augmentation needs.

PyTorch's own backward of `grid_sample` has no derivative. By the picture it is linear, so its second derivative is
`grid_sample` again.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_BILINEAR, _REFLECTION = 0, 2  # the codes of interpolation and padding in ATen


def grid_sample(x: Tensor, grid: Tensor) -> Tensor:
    """Sample x [N, C, H, W] at grid [N, H', W', 2], (x, y) in [-1, 1] edge to edge; mirrored beyond the edges.

    Gradients flow to x, twice; none flow to the grid.
    """
    y: Tensor = _Sample.apply(x, grid)  # type: ignore[no-untyped-call]
    return y


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Scatter.apply(dy, grid, ctx.shape), None  # type: ignore[no-untyped-call]


class _Scatter(torch.autograd.Function):
    """The transpose of sampling: dy [N, C, H', W'] spread onto the picture's pixels."""

    @staticmethod
    def forward(ctx: Any, dy: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        picture = dy.new_zeros(shape)  # only its shape matters
        dx: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            dy, picture, grid, _BILINEAR, _REFLECTION, False, [True, False]
        )[0]
        return dx

    @staticmethod
    def backward(ctx: Any, ddx: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(ddx, grid), None, None  # type: ignore[no-untyped-call]
