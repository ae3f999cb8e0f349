"""Several mixtures of two networks in one picture: a mask says at every pixel which α it takes.

In the *output*: every network draws the picture, and pixels are mixed. In the *features*: at every layer the results of
all networks for the same, mixed, input are mixed, so that at each pixel the layers have the weights of its own α: for
convolutions, PReLUs and ReLU between them that is the interpolated network's own result there, also for greys between
two αs. It costs about as many runs as there are αs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from blendgan.restoration.region_map import RegionMap, mixed, resized
from blendgan.restoration.restorer import Restorer, Window
from stylegan2.errors import InputError

# What gives maps of pixels, [N, C, h, w], from weights of its own that are no part of the sum over pixels.
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.PReLU, nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm)


@dataclass(frozen=True, eq=False)
class Regional:
    """Networks of one architecture, one for each α of the map. Raises InputError where `in_features` cannot be done."""

    restorers: tuple[Restorer, ...]
    regions: RegionMap
    in_features: bool = False
    _layers: tuple[tuple[nn.Module, ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.restorers) != len(self.regions.levels.alphas):
            raise InputError(
                f"regions: found {len(self.restorers)} networks for {len(self.regions.levels.alphas)} alphas; expected "
                "one for each"
            )
        layers = _paired_layers(self.restorers) if self.in_features else ()
        object.__setattr__(self, "_layers", layers)

    @property
    def restorer(self) -> Restorer:
        """The first network."""
        return self.restorers[0]

    def to(self, device: torch.device) -> Regional:
        """Return it after its networks moved to a device."""
        for restorer in self.restorers:
            restorer.to(device)
        return self

    def run(self, pictures: Tensor, window: Window) -> Tensor:
        """Return [N, channels, sH, sW] of a piece of the picture; only the networks that it needs are run."""
        positions = self.regions.positions(window).to(pictures.device)
        first, last = math.floor(positions.min()), math.ceil(positions.max())
        if first == last:
            return self.restorers[first].run(pictures, window)
        needed, positions = slice(first, last + 1), positions - first
        if self.in_features:
            return self._run_features(pictures, window, needed, positions)
        outputs = [restorer.run(pictures, window) for restorer in self.restorers[needed]]
        return mixed(outputs, resized(positions, *outputs[0].shape[2:]))

    def _run_features(self, pictures: Tensor, window: Window, needed: slice, positions: Tensor) -> Tensor:
        padded = self.restorer.sizes.padded(*pictures.shape[2:])
        right, lower = padded[1] - pictures.shape[3], padded[0] - pictures.shape[2]
        positions = nn.functional.pad(positions, (0, right, 0, lower), "replicate")
        mixing = _Mixing(positions, [layers[needed] for layers in self._layers])
        try:
            output = self.restorers[needed][0].run(pictures, window)
        finally:
            mixing.remove()
        mixing.require_all(self.restorer.name)
        return output


class _Mixing:
    """Hooks on the first network's layers that run the other networks' on the same input, and mix the results."""

    def __init__(self, positions: Tensor, layers: Sequence[tuple[nn.Module, ...]]) -> None:
        self.positions = positions
        self.partners = {first: others for first, *others in layers}
        self.silent = set(self.partners)
        self.handles: list[RemovableHandle] = [first.register_forward_hook(self._mix) for first in self.partners]

    def _mix(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        self.silent.discard(layer)
        height, width = self.positions.shape[2:]
        tall, wide = output.shape[2:] if output.ndim == 4 else (0, 0)
        if (tall, wide) != (1, 1) and abs(tall * width - wide * height) > max(height, width):
            raise InputError(
                f"in features: a layer gives {list(output.shape)} for a picture of {width} x {height} px, which the "
                "mask does not fit; mix the outputs instead (--in output)"
            )
        outputs = [output, *(other(*inputs) for other in self.partners[layer])]
        return mixed(outputs, resized(self.positions, tall, wide))

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def require_all(self, name: str) -> None:
        """A layer whose weights are used without it being called would be the first network's everywhere."""
        if self.silent:
            kind = type(next(iter(self.silent))).__name__
            raise InputError(
                f"{name}: in features: {len(self.silent)} layers ({kind}, ...) are not run as layers of this network; "
                "mix the outputs instead (--in output)"
            )


def _paired_layers(restorers: Sequence[Restorer]) -> tuple[tuple[nn.Module, ...], ...]:
    """The layers that differ, each network's beside each other's."""
    named = [dict(restorer.network.named_modules()) for restorer in restorers]
    found = []
    for name, first in named[0].items():
        alike = tuple(modules[name] for modules in named)
        if not _differ(alike):
            continue
        if not isinstance(first, LAYERS):
            raise InputError(
                f"{restorers[0].name}: in features: {name} ({type(first).__name__}) has weights that act on no map of "
                "pixels, so that a mask cannot choose them; mix the outputs instead (--in output)"
            )
        found.append(alike)
    return tuple(found)


def _differ(modules: Sequence[nn.Module]) -> bool:
    """Whether tensors that are a module's own, not its parts', are not the same in all."""
    first, *others = ([*module._parameters.values(), *module._buffers.values()] for module in modules)
    pairs = ((mine, theirs) for other in others for mine, theirs in zip(first, other, strict=True))
    return any(mine is not None and theirs is not None and not torch.equal(mine, theirs) for mine, theirs in pairs)
