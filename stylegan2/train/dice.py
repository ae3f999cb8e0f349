"""Random values of the augmentation, for all pictures of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dice:
    """Random values for `count` pictures; `drawn` tells which of them a transformation is for."""

    count: int
    p: float | Tensor  # a number on the device, too: then it may change between replays of a graph
    generator: torch.Generator

    def uniform(self, low: float, high: float) -> Tensor:
        """[N] from U(low, high), for every picture."""
        return low + (high - low) * torch.rand([self.count], generator=self.generator, device=self.generator.device)

    def normal(self, std: float) -> Tensor:
        """[N] from N(0, std²), for every picture."""
        return std * torch.randn([self.count], generator=self.generator, device=self.generator.device)

    def drawn(self, p: float | Tensor | None = None) -> Tensor:
        """[N] of 0 or 1: is the transformation drawn?"""
        return (self.uniform(0, 1) < (self.p if p is None else p)).to(torch.float32)
