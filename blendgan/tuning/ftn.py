"""FTN: small networks that take a layer's filters and give those of the second level (Lee et al. 2020).

    Y = X * (f (1 - alpha) + FTN(f) alpha)                                                    (their equation 1)
    Y = (1 - A) . (X * f) + A . (X * FTN(f))              with a map A of α for each pixel    (their equation 3)

FTN is two 1x1 convolutions in G groups with a PReLU between them. It sees the filters [out, in, kh, kw] of a layer as
`in` pictures of `out` channels, kh x kw px: only so do their counts come out (Table 4: 1.41 M parameters become 1.83 M,
and 1.44 M with G = 16). Convolutions start as identities and PReLUs with slope 1, so at the start FTN(f) = f to the
bit. The convolutions are written as sums of products that any device does exactly for identities, which convolutions of
reduced precision (TF32) do not.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from blendgan.restoration.restorer import Sizes
from blendgan.tuning.dial import Dial, between
from blendgan.tuning.layers import Survey, filter_axis, filter_layers
from blendgan.tuning.tuning import Tuning, member
from stylegan2.errors import InputError

Variant = Literal["plain", "deeper", "spatial"]
DEPTHS: dict[Variant, int] = {"plain": 2, "deeper": 3, "spatial": 2}  # Table 1: deeper has three layers
SPATIAL_TAPS = 3  # of the depth-wise convolutions of FTN-spatial, a side


class GroupedMix(nn.Module):
    """A 1x1 convolution in `groups` groups, at first the identity: [C, M] -> [C, M]. `weight`: [C, C / groups]."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.eye(channels // groups).repeat(groups, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        part = x.shape[0] // self.groups
        mixed = self.weight.view(self.groups, part, part) @ x.view(self.groups, part, -1)  # [G, C / G, M]
        return mixed.view(x.shape) + self.bias[:, None]


class DepthwiseMix(nn.Module):
    """A depth-wise 3x3 convolution over each filter's own pixels, at first the identity: [C, in, kh, kw] in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        weight = torch.zeros(channels, SPATIAL_TAPS, SPATIAL_TAPS)
        weight[:, SPATIAL_TAPS // 2, SPATIAL_TAPS // 2] = 1
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        around = functional.pad(x, (SPATIAL_TAPS // 2,) * 4)
        total = self.bias[:, None, None, None].expand_as(x)
        for i in range(SPATIAL_TAPS):
            for j in range(SPATIAL_TAPS):
                total = total + self.weight[:, i, j, None, None, None] * around[..., i : i + height, j : j + width]
        return total


class FilterTransition(nn.Module):
    """FTN of one layer: filters [C, in, kh, kw] -> filters of the second level, of the same shape.

    `groups`: at most; of a layer whose filters they do not divide the greatest common divisor (three filters of a last
    layer and G = 16 make one group).
    """

    def __init__(self, channels: int, groups: int = 1, variant: Variant = "plain") -> None:
        super().__init__()
        self.is_spatial = variant == "spatial"
        self.groups = math.gcd(channels, groups)
        depth = DEPTHS[variant]
        self._each = depth * (SPATIAL_TAPS**2 if self.is_spatial else channels // self.groups)
        self.mixes = nn.ModuleList(
            DepthwiseMix(channels) if self.is_spatial else GroupedMix(channels, self.groups) for _ in range(depth)
        )
        self.slopes = nn.ParameterList(nn.Parameter(torch.ones(channels)) for _ in range(depth - 1))

    def forward(self, filters: Tensor) -> Tensor:
        shape = filters.shape
        x = filters if self.is_spatial else filters.reshape(shape[0], -1)
        with torch.autocast(filters.device.type, enabled=False):
            for i, mix in enumerate(self.mixes):
                x = mix(functional.prelu(x[None], self.slopes[i - 1])[0] if i else x)
        return x.reshape(shape)

    def multiply_adds(self, numbers: int) -> int:
        """Of a layer with so many numbers in its filters."""
        return self._each * numbers


class _Turned(nn.Module):
    """The parametrisation of a layer's weight: f at α = 0, FTN(f) at 1, what lies between for others."""

    def __init__(self, transition: FilterTransition, axis: int, dial: Dial) -> None:
        super().__init__()
        self._held = (transition,)  # in a tuple: its parameters are the tuning's, not the main network's
        self.axis, self.dial = axis, dial

    def second(self, weight: Tensor) -> Tensor:
        found: Tensor = self._held[0](weight.transpose(0, self.axis)).transpose(0, self.axis)
        return found

    def forward(self, weight: Tensor) -> Tensor:
        level = self.dial.level
        if level == 0:
            return weight
        return self.second(weight) if level == 1 else between(weight, self.second(weight), level)


class FTN(Tuning):
    """An FTN at every layer with filters (a `weight` of four axes), whatever class the layer is of."""

    def __init__(
        self,
        network: nn.Module,
        sizes: Sizes = Sizes(),  # noqa: B008  (frozen)
        *,
        groups: int = 1,
        variant: Variant = "plain",
    ) -> None:
        super().__init__(network, sizes)
        self.transitions = nn.ModuleDict()
        layers = filter_layers(self.main)
        self._layers = layers
        self._called: set[nn.Module] = set()
        for name, layer in layers.items():
            axis, weight = filter_axis(layer), layer.weight
            transition = FilterTransition(weight.shape[axis], groups, variant)  # type: ignore[index, arg-type]
            self.transitions[member(name)] = transition
            turned = _Turned(transition, axis, self.dial)
            parametrize.register_parametrization(layer, "weight", turned, unsafe=True)  # shapes are kept
            layer.register_forward_hook(self._mix, with_kwargs=True)

    def forward(self, pictures: Tensor, alpha: float | Tensor = 1.0) -> Tensor:
        """Return the tuned network's result. Raises InputError also where a map cannot reach a layer's filters."""
        self._called.clear()
        output = super().forward(pictures, alpha)
        if self.dial.map is not None:
            self._require_all()
        return output

    def filters(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return f and FTN(f) of every layer, filters along the first axis."""
        with torch.no_grad():
            pairs = {name: self._pair(layer) for name, layer in self._layers.items()}
        return {
            name: (first.transpose(0, axis), second.transpose(0, axis)) for name, (first, second, axis) in pairs.items()
        }

    def extra_multiply_adds(self, survey: Survey) -> int:
        """Once for each setting of α, however large the picture is (the paper, section Complexity)."""
        firsts = {name: self._pair(layer)[0] for name, layer in self._layers.items()}
        return sum(self.transitions[member(name)].multiply_adds(f.numel()) for name, f in firsts.items())  # type: ignore[operator]

    def _pair(self, layer: nn.Module) -> tuple[Tensor, Tensor, int]:
        held: Any = layer.parametrizations["weight"]  # type: ignore[index]
        turned: _Turned = held[-1]
        return held.original, turned.second(held.original), turned.axis

    def _mix(self, layer: nn.Module, inputs: Any, named: Any, output: Any) -> Tensor | None:
        """Under a map: mix the layer's results with the filters of both levels (equation 3)."""
        if self.dial.map is None:
            return None
        self._called.add(layer)
        with self.dial.at_second():
            second = layer.forward(*inputs, **named)
        return between(output, second, self.dial.share_at(output))

    def _require_all(self) -> None:
        """Filters that are used without their layer being called would be the first level's everywhere."""
        silent = [name for name, layer in self._layers.items() if layer not in self._called]
        changed = [name for name in silent if not torch.equal(*self._pair(self._layers[name])[:2])]
        if changed:
            raise InputError(
                f"map: {len(changed)} layers ({changed[0]}, ...) are not run as layers of this network, so that no map "
                "reaches their filters; give one number (--alpha)"
            )
