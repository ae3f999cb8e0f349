"""Which layers of a network have filters, found by running it once: their order, their sizes, what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from stylegan2.errors import InputError

FILTER_AXES = 4  # [out, in, kh, kw]; of a transposed convolution [in, out, kh, kw]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer with filters: its name in the network, its result's channels and size, and what it costs there.

    `multiply_adds`: of one picture, without the biases.
    """

    name: str
    module: nn.Module
    channels: int
    size: tuple[int, int]
    multiply_adds: int

    def stride(self, height_px: int) -> int:
        """Return how many px of the picture, which is so high, a step in its result is; at least 1."""
        return max(1, -(-height_px // self.size[0]))


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a network with two convolutions or more, whose result has the shape of its input."""

    name: str
    module: nn.Module
    channels: int
    multiply_adds: int
    pixels: int


@dataclass(frozen=True, eq=False)
class Survey:
    """What one run of a network showed: the layers that were called, the last call last, and the residual blocks."""

    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]

    @property
    def multiply_adds(self) -> int:
        """Of all layers with filters, for one picture of the size that was run."""
        return sum(layer.multiply_adds for layer in self.layers)

    def layer(self, name: str) -> Layer:
        """Return one layer."""
        return next(layer for layer in self.layers if layer.name == name)


def has_filters(module: nn.Module) -> bool:
    """Whether a module has a `weight` of its own of four axes, whatever class it is of."""
    own = module._parameters.get("weight")
    return own is not None and own.ndim == FILTER_AXES


def filter_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return the modules with filters by name, in the network's own order. Raises InputError where there are none."""
    found = {name: module for name, module in network.named_modules() if has_filters(module)}
    if not found:
        raise InputError(f"network: found no filters in a {type(network).__name__}, expected a convolutional network")
    return found


def filter_axis(module: nn.Module) -> int:
    """Return the axis of `weight` along which its filters lie, one for each channel of the result."""
    return 1 if isinstance(module, nn.ConvTranspose2d) else 0


def survey(network: nn.Module, example: Tensor) -> Survey:
    """Run a network on a picture [1, C, H, W], and return what was seen. The network is left as it was."""
    seen: dict[str, Layer] = {}
    blocks: dict[str, Block] = {}
    filters = filter_layers(network)
    handles = [module.register_forward_hook(_watch(name, seen)) for name, module in filters.items()]
    for name, module in network.named_modules():
        inside = sum(other.startswith(f"{name}.") for other in filters)
        if name and inside >= 2:
            handles.append(module.register_forward_hook(_watch_block(name, blocks)))
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return Survey(tuple(seen.values()), _innermost(blocks, seen))


def _watch(name: str, seen: dict[str, Layer]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim != FILTER_AXES:
            return
        before = seen.pop(name, None)  # of a layer that is called again the last call counts for the order
        cost = _multiply_adds(module, inputs[0], output) + (before.multiply_adds if before else 0)
        seen[name] = Layer(name, module, output.shape[1], (output.shape[2], output.shape[3]), cost)

    return hook


def _multiply_adds(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Each result of a convolution takes a filter's numbers; each input of a transposed one is spread by as many."""
    weight: Tensor = module.weight  # type: ignore[assignment]
    places = given if isinstance(module, nn.ConvTranspose2d) else output
    return places[0].numel() * weight[0].numel()


def _watch_block(name: str, blocks: dict[str, Block]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        given = inputs[0] if len(inputs) == 1 else None
        if isinstance(given, Tensor) and isinstance(output, Tensor) and given.shape == output.shape:
            if output.ndim == FILTER_AXES:
                blocks[name] = Block(name, module, output.shape[1], 0, output.shape[2] * output.shape[3])

    return hook


def _innermost(blocks: dict[str, Block], seen: dict[str, Layer]) -> tuple[Block, ...]:
    """Blocks that hold no other one, with what their layers cost."""
    found = []
    for name, block in blocks.items():
        if not any(other.startswith(f"{name}.") for other in blocks):
            cost = sum(layer.multiply_adds for layer in seen.values() if layer.name.startswith(f"{name}."))
            found.append(Block(name, block.module, block.channels, cost, block.pixels))
    return tuple(found)
