"""A network that restores pictures, and what one must know to run it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Restorer:
    """`network` takes [N, channels, H, W] in [0, 1] and gives [N, channels, scale H, scale W], not clamped.

    `reach` is how far, in px of the input, a pixel of the output looks to each side; `architecture` says in words what
    the network is.
    """

    network: nn.Module
    architecture: str
    channels: int
    scale: int
    reach: int

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Restorer:
        """Return the same network with other weights, named as those that it was recognised by."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(dict(tensors))
        return replace(self, network=network)
