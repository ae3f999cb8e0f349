"""Deep features of pictures: what a network's layers say, each layer scaled to unit RMS, in one row of numbers.

The paper takes VGG-19, of which nothing is shipped; a discriminator that was trained on faces serves in its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from blendgan.dfi.vgg import find_vgg, open_vgg
from stylegan2.checkpoints import fingerprint
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.loading import load_discriminator, open_model

AUTO, VGG = "auto", "vgg19"
SHIPPED = "portraits"  # its discriminator saw 128 px portraits
# A discriminator edits pictures best that are so many times those that it was trained on: by eye, frames of glasses
# are sharper and backgrounds calmer. The paper enlarges its 100 px faces to 200, for VGG-19.
ENLARGED = 2
SMALLEST_RMS = 1e-6  # a layer that says nothing of a photo cannot be scaled by it


class Layers(Protocol):
    """A network that sees pictures of any size. `size_px`: of the pictures that are edited best by it."""

    name: str
    fingerprint: str  # SHA-256, hex
    size_px: int
    multiple: int  # sides of pictures must be multiples of it, in px,
    smallest_px: int  # … and no shorter than this
    network: torch.nn.Module

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """Pictures [N, 3, H, W] in [-1, 1] -> [N, C, h, w] of each layer, from fine to coarse."""
        ...


class DiscriminatorLayers:
    """The maps that enter each block of a discriminator but the last, whose 4 px blur all places into one.

    Raises InputError for one that has fewer than two blocks, or does not see RGB.
    """

    def __init__(self, discriminator: Discriminator, name: str, fingerprint: str) -> None:
        config = discriminator.config
        if len(config.resolutions) < 3 or config.image_channels != 3:
            raise InputError(
                f"{name}: found a discriminator of {config.resolution} px, {config.image_channels} channels, expected "
                "an RGB one of at least 16 px; choose another with --features"
            )
        self.network: torch.nn.Module = discriminator
        self.discriminator, self.name, self.fingerprint = discriminator, name, fingerprint
        self.size_px = ENLARGED * config.resolution
        self.multiple: int = 2 ** (len(config.resolutions) - 1)
        self.smallest_px = self.multiple

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """As the protocol has it."""
        return [x for x, _ in self.discriminator.blocks(pictures)[:-1] if x is not None]


def open_features(choice: str = AUTO, device: torch.device | None = None) -> Layers:
    """Return the network of a choice: `vgg19`, a model with a discriminator (file or shipped name), or `auto`.

    `auto` is VGG-19 where its file is in torch hub's cache, else the shipped discriminator. Raises InputError for
    `vgg19` without its file, and what `load_discriminator` raises.
    """
    place = find_vgg()
    if choice == VGG or (choice == AUTO and place.is_file()):
        found: Layers = open_vgg(place)
    else:
        model = SHIPPED if choice == AUTO else choice
        name = Path(model).name
        found = DiscriminatorLayers(load_discriminator(model), name, fingerprint(open_model(model)))
    found.network.to(device or torch.device("cpu"))
    return found


@dataclass(frozen=True, eq=False)
class Space:
    """Features as rows φ [N, D]: all layers, each scaled so that one photo's have the root mean square 1.

    So no layer counts for more than another because its numbers are larger, and a length in this space means the same
    for every network and size of picture.
    """

    features: Layers
    scales: tuple[float, ...]

    def of(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] in [-1, 1] -> φ [N, D]."""
        return self.row(self.features.layers(pictures))

    def row(self, layers: Sequence[Tensor]) -> Tensor:
        """Layers of the network -> φ [N, D]."""
        return torch.cat([layer.flatten(1) * s for layer, s in zip(layers, self.scales, strict=True)], dim=1)


@torch.no_grad()
def space_about(features: Layers, photo: Tensor) -> Space:
    """Return the space in which the layers of a photo [1, 3, H, W] in [-1, 1] have the root mean square 1."""
    sizes = [float(layer.square().mean().sqrt()) for layer in features.layers(photo)]
    return Space(features, tuple(1 / max(size, SMALLEST_RMS) for size in sizes))


def require_size(features: Layers, height: int, width: int) -> None:
    """Raise InputError for a size that the network cannot see."""
    if min(height, width) < features.smallest_px or height % features.multiple or width % features.multiple:
        raise InputError(
            f"size: found {width} x {height} px, expected multiples of {features.multiple}, at least "
            f"{features.smallest_px}, for {features.name}"
        )


def fitting_size(features: Layers, height: int, width: int, longest_px: int) -> tuple[int, int]:
    """Return (height, width) that the network can see, the longer side as long as `longest_px` allows.

    The shorter side is the one that comes nearest to the aspect: a size differs from it by the same factor for the
    photo and for the sets. Raises InputError where that is less than the smallest.
    """
    if longest_px < features.smallest_px:
        raise InputError(f"size: found {longest_px} px, expected at least {features.smallest_px} for {features.name}")
    step = features.multiple
    least, most = math.ceil(features.smallest_px / step), longest_px // step
    exact = most * min(height, width) / max(height, width)  # blocks of the shorter side
    near = [max(least, min(count, most)) for count in (math.floor(exact), math.ceil(exact))]
    blocks = min(near, key=lambda count: abs(math.log(count / exact)))
    longer, shorter = most * step, blocks * step
    return (longer, shorter) if height >= width else (shorter, longer)
