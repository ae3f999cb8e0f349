"""AdaFM: feature modification layers, depth-wise convolutions behind the main network's (He, Dong, Qiao 2019).

Behind every convolution but the last stands a depth-wise one of 1, 3 or 5 px with a bias, at first the identity.
Between levels its parameters are interpolated from the identity to what was learned: g* = I + alpha (g - I) and
b* = alpha b. Kept here are g - I and b, so that the layer is x + alpha ((g - I) x + b): at α = 0, and at the start, x
to the bit. The layer being linear, a map of α is the same formula for each pixel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from blendgan.restoration.restorer import Sizes
from blendgan.tuning.layers import Survey, survey
from blendgan.tuning.tuning import Tuning, member
from stylegan2.errors import InputError

KERNELS = (1, 3, 5)


class FeatureModification(nn.Module):
    """(g - I) x + b, [N, C, h, w] in and out, depth-wise; zero at the start."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(channels, 1, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.change, self.bias, padding="same", groups=x.shape[1])


class AdaFM(Tuning):
    """A feature modification layer behind each convolution but the last one that is run."""

    def __init__(
        self,
        network: nn.Module,
        sizes: Sizes = Sizes(),  # noqa: B008  (frozen)
        *,
        example: Tensor,
        kernel: int = 5,
    ) -> None:
        super().__init__(network, sizes)
        layers = survey(self.main, example).layers[:-1]
        if not layers:
            raise InputError("adafm: found one convolution or none, expected more: the last one is not modified")
        self._reach = sum(kernel // 2 * layer.stride(example.shape[2]) for layer in layers)
        self.modifications = nn.ModuleDict()
        for layer in layers:
            modification = FeatureModification(layer.channels, kernel)
            self.modifications[member(layer.name)] = modification
            layer.module.register_forward_hook(self._hook(modification))

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Of the depth-wise convolutions over all pixels."""
        total = 0
        for layer in survey.layers[:-1]:
            change: Tensor = self.modifications[member(layer.name)].change  # type: ignore[assignment]
            total += change.numel() * layer.size[0] * layer.size[1]
        return total

    def extra_reach(self) -> int:
        """Half a kernel behind each convolution."""
        return self._reach

    def _hook(self, modification: FeatureModification) -> Any:
        def modify(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
            if self.dial.is_first:
                return None
            changed: Tensor = output + self.dial.share_at(output) * modification(output)
            return changed

        return modify
