"""The moving average of a generator's weights, which is what samples are drawn from (Yazıcı et al. 2019)."""

from __future__ import annotations

import math

import torch
from torch import nn


def decay_for(half_life_kimg: float, shown_kimg: float, batch: int, rampup: float) -> float:
    """Share of the average that one batch keeps; the half-life is at most `rampup` of the run so far."""
    half_life = min(half_life_kimg, shown_kimg * rampup) if rampup else half_life_kimg
    return math.pow(0.5, batch / max(half_life * 1000, 1e-8))


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the parameters of `average` toward the model's; copy its buffers (w_avg is an average of its own)."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
    for mean, current in zip(average.buffers(), model.buffers(), strict=True):
        mean.copy_(current)
