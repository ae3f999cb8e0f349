"""Where to search: the spaces of w, and w in units of the model's own mapping network.

w = mean + std · u, so that one learning rate, and one weight of each penalty, suits every model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w

SPACES = ("w", "w+", "w+n")  # one style for all layers; one for each; and the noise maps too
STATISTICS_SAMPLES = 4096  # latents for mean and std of w


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean [w_dim] and standard deviation [w_dim] of w."""

    mean: Tensor
    std: Tensor

    def to_w(self, u: Tensor, num_ws: int) -> Tensor:
        """u [N, 1 or num_ws, w_dim] -> w [N, num_ws, w_dim]."""
        return (self.mean + self.std * u).expand(-1, num_ws, -1)

    def to_u(self, w: Tensor) -> Tensor:
        """The inverse of `to_w`, row by row."""
        return (w - self.mean) / self.std


@torch.no_grad()
def w_statistics(generator: Generator, seed: int = 0) -> Statistics:
    """Measure w over random latents; labels, if any, are drawn evenly."""
    w = sample_w(generator, STATISTICS_SAMPLES, seed)
    return Statistics(w.mean(dim=0), w.std(dim=0))


def start_u(start: Tensor, statistics: Statistics, space: str, generator: Generator) -> Tensor:
    """The point u of a space nearest to w [N, num_ws, w_dim]: [N, num_ws, w_dim], in "w" its layers' mean, one row.

    Raises InputError for another shape.
    """
    expected = (generator.config.num_ws, generator.config.w_dim)
    if start.ndim != 3 or tuple(start.shape[1:]) != expected:
        raise InputError(
            f"start: found w of shape {tuple(start.shape)}, expected [faces, {expected[0]}, {expected[1]}]"
        )
    u = statistics.to_u(start.to(statistics.mean))
    return u.mean(dim=1, keepdim=True) if space == "w" else u
