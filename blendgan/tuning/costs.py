"""What a tuning costs: parameters, and multiply-adds for a picture (Lee et al. 2020, Table 4).

Counted are products of filters and features, one multiply-add each, of one picture; biases, activations and the mean of
two tensors are not. FTN's own work is done once for each setting of α, whatever the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from blendgan.restoration.restorer import Restorer
from blendgan.tuning.layers import survey
from blendgan.tuning.tuning import Tuning

COUNTED_PX = 256  # a side of the picture: with it, the paper's figures for AdaFM-Net come out


@dataclass(frozen=True)
class Cost:
    """Of a main network and its tuning: numbers of both, and multiply-adds of both for a picture of `size_px`."""

    main_parameters: int
    parameters: int
    main_multiply_adds: int
    multiply_adds: int
    size_px: tuple[int, int]

    @property
    def total_parameters(self) -> int:
        """Of main network and tuning, as Table 4 has them."""
        return self.main_parameters + self.parameters

    @property
    def share(self) -> float:
        """The tuning's multiply-adds, relative to the main network's."""
        return self.multiply_adds / self.main_multiply_adds

    def __str__(self) -> str:
        """In one line."""
        height, width = self.size_px
        return (
            f"{self.main_parameters:,} parameters and {self.parameters:,} more; for {width} x {height} px "
            f"{self.main_multiply_adds / 1e9:.3f} G multiply-adds and {self.share:.2%} more"
        )


def count(restorer: Restorer, tuning: Tuning, height: int = COUNTED_PX, width: int = COUNTED_PX) -> Cost:
    """Count a tuning's cost for a picture of height x width px, padded as the network needs it."""
    size = restorer.sizes.padded(height, width)
    seen = survey(restorer.network, torch.zeros(1, restorer.channels, *size, device=restorer.device))
    main = sum(parameter.numel() for parameter in restorer.network.parameters())
    own = sum(parameter.numel() for parameter in tuning.parameters())
    return Cost(main, own, seen.multiply_adds, tuning.extra_multiply_adds(seen), size)
