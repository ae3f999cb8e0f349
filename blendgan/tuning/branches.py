"""CFSNet and Dynamic-Net: branches beside or behind the main network's layers, mixed into its features by α.

**CFSNet** (Wang, Guo, Tian, Yang 2019): beside each residual block stands a tuning block of the same build. Block m
gives (1 - a_m) main + a_m tuning, channel by channel; the coefficients a_m come from α through fully connected layers,
learned with the branch. Without biases these give 0 at α = 0, where the main network must be left as it is. The tuning
blocks start as copies of the main ones, so that at the start the result is the main network's.

**Dynamic-Net** (Shoshan, Mechrez, Zelnik-Manor 2019): behind a few chosen layers a tuning block (convolution, ReLU,
convolution) is added: x + alpha psi(x). The last convolution starts at zero.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from blendgan.restoration.restorer import Sizes
from blendgan.tuning.dial import between
from blendgan.tuning.layers import Layer, Survey, survey
from blendgan.tuning.tuning import Tuning, member
from stylegan2.errors import InputError

HIDDEN = 64  # of the coupling's first layer: our choice
TAPS = 3  # of Dynamic-Net's convolutions, a side


class Coupling(nn.Module):
    """α -> a coefficient for each channel, [C]: two fully connected layers without biases, ReLU between them.

    Being without biases it is alpha times its values at α = 1 for alpha >= 0, so that a map needs it once. At first all
    coefficients at α = 1 are 1: the second level begins as the tuning branch alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(channels)
        self.first = nn.Parameter(0.5 + torch.rand(HIDDEN, generator=draw))  # [HIDDEN], from the one number
        second = torch.rand(channels, HIDDEN, generator=draw)
        self.second = nn.Parameter(second / (second @ self.first.detach())[:, None])

    def forward(self) -> Tensor:
        """Return the coefficients at α = 1."""
        return self.second @ functional.relu(self.first)


class CFSNet(Tuning):
    """A tuning block beside each residual block: innermost parts of two convolutions or more that keep the shape."""

    def __init__(
        self,
        network: nn.Module,
        sizes: Sizes = Sizes(),  # noqa: B008  (frozen)
        *,
        example: Tensor,
    ) -> None:
        super().__init__(network, sizes)
        blocks = survey(self.main, example).blocks
        if not blocks:
            raise InputError(
                "cfsnet: found no residual blocks in the main network, beside which tuning blocks would stand; use "
                "another method, or a network with residual blocks"
            )
        self.blocks, self.couplings = nn.ModuleDict(), nn.ModuleDict()
        given = dict(network.named_modules())  # without the hooks that hang on the copy's layers
        for block in blocks:
            self.blocks[member(block.name)] = tuning = copy.deepcopy(given[block.name]).requires_grad_(True)
            self.couplings[member(block.name)] = coupling = Coupling(block.channels)
            block.module.register_forward_hook(self._hook(tuning, coupling))
        self.eval()

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Of the second branch, and of the coupling once."""
        return sum(block.multiply_adds + (block.channels + 1) * HIDDEN for block in survey.blocks)

    def _hook(self, tuning: nn.Module, coupling: Coupling) -> Any:
        def couple(block: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
            if self.dial.is_first:
                return None
            coefficients = coupling()[None, :, None, None] * self.dial.share_at(output)
            return between(output, tuning(*inputs), coefficients)

        return couple


class TuningBlock(nn.Module):
    """psi of Dynamic-Net: [N, C, h, w] in and out; zero at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(channels)
        self.conv1 = nn.Conv2d(channels, channels, TAPS, padding=TAPS // 2)
        self.conv2 = nn.Conv2d(channels, channels, TAPS, padding=TAPS // 2)
        with torch.no_grad():
            nn.init.kaiming_normal_(self.conv1.weight, nonlinearity="relu", generator=draw)
            for zero in (self.conv1.bias, self.conv2.weight, self.conv2.bias):
                if zero is not None:
                    zero.zero_()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv2(functional.relu(self.conv1(x)))
        return found


class DynamicNet(Tuning):
    """Tuning blocks behind a few layers, by default three, evenly spread over the inner ones in the order they run."""

    def __init__(
        self,
        network: nn.Module,
        sizes: Sizes = Sizes(),  # noqa: B008  (frozen)
        *,
        example: Tensor,
        layers: int = 3,
    ) -> None:
        super().__init__(network, sizes)
        chosen = spread(survey(self.main, example).layers[:-1], layers)
        self._reach = sum(2 * (TAPS // 2) * layer.stride(example.shape[2]) for layer in chosen)
        self.blocks = nn.ModuleDict()
        for layer in chosen:
            self.blocks[member(layer.name)] = block = TuningBlock(layer.channels)
            layer.module.register_forward_hook(self._hook(block))

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Of the tuning blocks over all pixels of their layers."""
        chosen = [layer for layer in survey.layers if member(layer.name) in self.blocks]
        return sum(2 * (layer.channels * TAPS) ** 2 * layer.size[0] * layer.size[1] for layer in chosen)

    def extra_reach(self) -> int:
        """Two convolutions behind each chosen layer."""
        return self._reach

    def _hook(self, block: TuningBlock) -> Any:
        def add(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
            if self.dial.is_first:
                return None
            added: Tensor = output + self.dial.share_at(output) * block(output)
            return added

        return add


def spread(layers: tuple[Layer, ...], count: int) -> tuple[Layer, ...]:
    """Return `count` of the layers, evenly spread: the middles of equal parts. Raises InputError for too few."""
    if count > len(layers):
        raise InputError(
            f"dynamic: found {len(layers)} convolutions before the last one, expected at least {count}; choose fewer "
            "(--layers)"
        )
    return tuple(layers[int((i + 0.5) * len(layers) / count)] for i in range(count))
