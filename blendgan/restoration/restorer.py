"""A network that restores pictures, and what one must know to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

Window = tuple[slice, slice]  # rows and columns of a picture, in px


@dataclass(frozen=True)
class Sizes:
    """What sizes of picture a network takes, in px: at least `minimum`, whole multiples of `multiple`, or squares."""

    multiple: int = 1
    minimum: int = 0
    square: bool = False

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """Return the size to which a picture of height x width is padded at its lower right."""
        tall, wide = (-(-max(size, self.minimum) // self.multiple) * self.multiple for size in (height, width))
        return (max(tall, wide),) * 2 if self.square else (tall, wide)


@dataclass(frozen=True, eq=False)
class Restorer:
    """`network` takes [N, channels, H, W] in [0, 1] and gives [N, channels, scale H, scale W], not clamped.

    `reach` is how far, in px of the input, a pixel of the output looks to each side; where it is not known
    (`is_exact_in_tiles` is off) an overlap that hides the seams. `whole_pictures`: the network looks at a picture as a
    whole, so that it is cut into tiles only where one asks for it. `architecture` says in words what the network is.
    `build` makes the network of other tensors, named as those that it was recognised by.
    """

    network: nn.Module
    architecture: str
    channels: int
    scale: int
    reach: int
    name: str = "network"
    sizes: Sizes = Sizes()
    is_exact_in_tiles: bool = True
    whole_pictures: bool = False
    build: Callable[[Mapping[str, Tensor]], nn.Module] | None = field(default=None, repr=False)

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Restorer:
        """Return the same network with other weights, named as those that it was recognised by.

        Raises ShapeMismatch, which names the first tensor that does not fit.
        """
        if self.build is None:
            raise TypeError("this restorer was made by hand: it has no `build`")
        return replace(self, network=self.build(tensors).to(self.device))

    def to(self, device: torch.device) -> Restorer:
        """Return it after its network moved to a device."""
        self.network.to(device)
        return self

    @property
    def restorer(self) -> Restorer:
        """Itself: what is run may also be several networks, of which one says what there is to know."""
        return self

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""
        first = next(self.network.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    @property
    def width(self) -> int:
        """The most channels that one of its convolutions gives: what a pixel costs in memory."""
        layers = [layer for layer in self.network.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))]
        return max((layer.out_channels for layer in layers), default=self.channels)

    def run(self, pictures: Tensor, window: Window) -> Tensor:
        """Return the network's output for a piece of a picture, [N, channels, H, W]; `window` is where it lies."""
        output: Tensor = self.network(pictures)
        return output
