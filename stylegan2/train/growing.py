"""Growing: a model becomes the start of one with larger pictures, and its first pictures are the old ones enlarged.

Progressive growing (Karras et al. 2018) fades new layers in. With output skips (Karras et al. 2020b, section 4.1) they
need no fading: a to-RGB layer of zeros adds nothing to the enlarged picture. The discriminator's new block carries the
picture through its activations as pairs of x and −x, whose difference is linear again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.config import Config, DiscriminatorConfig
from stylegan2.discriminator import Discriminator, DiscriminatorBlock
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.layers import Conv2d
from stylegan2.ops import bias_act
from stylegan2.ops.bias_act import HOMOGENEOUS
from stylegan2.train.data import seeded
from stylegan2.train.state import GROW

Network = TypeVar("Network", bound=nn.Module)


def grow(checkpoint: Checkpoint, resolution: int, seed: int = 0) -> Checkpoint:
    """Return the model at `resolution` px: its pictures are the old ones enlarged, its logits those of reduced ones.

    Every layer stays. New ones have half the feature maps of the layer before, and start from `seed` where they are
    not fixed by that. Raises InputError for a resolution that is no power of two from the model's own on, and for
    networks that cannot grow.
    """
    own = checkpoint.config.resolution
    if resolution < own or resolution & (resolution - 1):
        raise InputError(f"resolution: found {resolution}, expected a power of two of at least {own}, the model's own")
    while checkpoint.config.resolution < resolution:
        checkpoint = _doubled(checkpoint, seed)
    return checkpoint


def _doubled(checkpoint: Checkpoint, seed: int) -> Checkpoint:
    config, d_config = checkpoint.config, checkpoint.discriminator
    if config.architecture != "skip":
        raise InputError(
            f"growing: found a generator of architecture {config.architecture!r}, expected 'skip': only there can new "
            "layers start without changing the picture; choose another model"
        )
    config = _wider(config)
    tensors = {n: t for n, t in checkpoint.tensors.items() if not n.startswith(DISCRIMINATOR_PREFIX)}
    top = f"synthesis.b{config.resolution}."
    block = {name: t for name, t in _fresh(Generator, config, seed).state_dict().items() if name.startswith(top)}
    for name in ("torgb.weight", "torgb.bias"):
        block[top + name] = torch.zeros_like(block[top + name])
    for prefix in ("", RAW_PREFIX):
        if prefix + "synthesis.b4.const" in tensors:
            tensors |= {prefix + name: tensor for name, tensor in block.items()}
    if d_config is not None:
        old = {n.removeprefix(DISCRIMINATOR_PREFIX): t for n, t in checkpoint.tensors.items() if n not in tensors}
        d_config = _wider(d_config)
        new = _grown_discriminator(old, d_config, seed).state_dict()
        tensors |= {DISCRIMINATOR_PREFIX + name: tensor for name, tensor in new.items()}
    return replace(checkpoint, config=config, tensors=tensors, discriminator=d_config)


def _wider(config: Config) -> Config:
    """The same network with one resolution more; the pairs of x and −x of every colour need their feature maps."""
    width = max(config.channels[-1] // 2, 2 * config.image_channels)
    return replace(config, resolution=2 * config.resolution, channels=(*config.channels, width))


def _fresh(network: Callable[[Config], Network], config: Config, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.set_state(seeded(seed, GROW, config.resolution).get_state())
        return network(config)


@torch.no_grad()
def _grown_discriminator(old: Mapping[str, Tensor], config: DiscriminatorConfig, seed: int) -> Discriminator:
    """Return the network whose logits are those that `old` gives to the picture of half the size."""
    if config.activation not in HOMOGENEOUS:
        raise InputError(
            f"growing: found a discriminator with {config.activation!r}, expected one of {', '.join(HOMOGENEOUS)}: "
            "no other lets the picture through; choose another model"
        )
    network = _fresh(Discriminator, config, seed)
    state = network.state_dict()
    network.load_state_dict(state | {name: tensor for name, tensor in old.items() if name in state})
    block = cast(DiscriminatorBlock, network.get_submodule(f"b{config.resolution}"))
    if config.architecture == "skip":  # the block below has a from-RGB of its own, so this one starts silent
        block.conv1.weight.zero_()
        return network
    entry = f"b{config.resolution // 2}.fromrgb."
    _let_through(block, old[entry + "weight"].float(), old[entry + "bias"].float())
    return network


def _let_through(block: DiscriminatorBlock, weight: Tensor, bias: Tensor) -> None:
    """Make a new first block give what from-RGB (weight [out, 3, 1, 1], bias [out]) gives to the reduced picture.

    Feature maps 0 to 2 carry the colours, 3 to 5 their negatives. What else the block has is random where it is read
    by nothing yet, and zero where it would be added to these.
    """
    colours = weight.shape[1]
    signs = torch.cat([torch.eye(colours), -torch.eye(colours)])  # [6, 3]: a colour -> x and −x
    one = torch.ones(1, 1)
    odd = bias_act(one, act=block.conv0.activation) - bias_act(
        -one, act=block.conv0.activation
    )  # act(x) − act(−x) = odd · x
    reading = signs.t() / odd  # [3, 6]: x and −x, activated -> the colour
    boost = math.sqrt(2) if block.architecture == "resnet" else 1.0  # the sum with the (silent) skip is divided by it
    _set(block.fromrgb, signs[:, :, None, None], rows=2 * colours)
    _set(block.conv0, _centred(signs @ reading), rows=2 * colours)
    _set(block.conv1, _centred(boost * weight[:, :, 0, 0] / math.sqrt(colours) @ reading), rows=len(weight))
    cast(Tensor, block.conv1.bias).copy_(boost * bias)
    if block.architecture == "resnet":
        block.skip.weight.zero_()


def _centred(matrix: Tensor) -> Tensor:
    """[out, in] as a 3×3 kernel that reads its own pixel alone."""
    return torch.nn.functional.pad(matrix[:, :, None, None], [1, 1, 1, 1])


def _set(layer: Conv2d, kernel: Tensor, rows: int) -> None:
    """Give the first `rows` outputs this kernel of the first inputs, and nothing of the other inputs."""
    layer.weight[:rows] = 0
    layer.weight[:rows, : kernel.shape[1]] = kernel / layer.weight_gain
