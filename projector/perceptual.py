"""How far apart two pictures look: a discriminator's features, and pixels at several scales."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.discriminator import Discriminator, feature_distance


@dataclass(frozen=True)
class Weights:
    """Shares of the two terms in the distance; found by eye and by likeness on the portraits (docs/projection.md)."""

    features: float = 1.0
    pixels: float = 1.0


class Target:
    """Pictures [N, 3, R, R] in [-1, 1] to compare with; what is needed of them is computed once."""

    def __init__(self, pictures: Tensor, discriminator: Discriminator | None, weights: Weights = Weights()) -> None:
        self.discriminator = discriminator
        self.weights = weights
        with torch.no_grad():
            self.pictures = pictures
            self.features = discriminator.unit_features(pictures) if discriminator is not None else []

    def distance(self, pictures: Tensor) -> Tensor:
        """Return the distance [N] of pictures [N, 3, R, R] to the target, 0 for the same picture."""
        total = self.weights.pixels * pixel_distance(pictures, self.pictures)
        if self.discriminator is not None:
            features = self.discriminator.unit_features(pictures)
            total = total + self.weights.features * feature_distance(features, self.features)
        return total


def pixel_distance(pictures: Tensor, target: Tensor, smallest_px: int = 8) -> Tensor:
    """Mean squared difference at full size, half, … down to `smallest_px`, averaged over scales: [N]."""
    levels = []
    while True:
        levels.append((pictures - target).square().mean(dim=[1, 2, 3]))
        if pictures.shape[-1] // 2 < smallest_px:
            return torch.stack(levels).mean(dim=0)
        pictures, target = F.avg_pool2d(pictures, 2), F.avg_pool2d(target, 2)
