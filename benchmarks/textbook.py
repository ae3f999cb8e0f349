"""StyleGAN2 as the papers draw it: the peer that the networks are timed against, and an oracle for their numbers.

Written straight from the figures (Karras et al. 2020b, figures 2c and 7; 2020a, appendix C): a kernel for every sample
and one grouped convolution over the batch, NCHW memory, the FIR filter as padding and a depth-wise convolution, zeros
inserted before it where it enlarges. Each step is one call of PyTorch; nothing is copied or computed that such a
reading would not. Skip generators and residual discriminators without labels, which is what the figures are of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator

SQRT2 = math.sqrt(2)
FIR = torch.tensor([1.0, 3.0, 3.0, 1.0]).outer(torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
State = Mapping[str, Tensor]


def filter_padded(x: Tensor, padding: list[int], gain: float = 1.0) -> Tensor:
    """Pad x [N, C, H, W] by [left, right, top, bottom], then filter every channel."""
    channels = x.shape[1]
    kernel = (FIR.to(x) * gain).expand(channels, 1, 4, 4)
    return F.conv2d(F.pad(x, padding), kernel, groups=channels)


def enlarge(x: Tensor) -> Tensor:
    """Double the size of x [N, C, H, W]: zeros between the pixels, then the filter."""
    n, c, h, w = x.shape
    wide = F.pad(x.reshape(n, c, h, 1, w, 1), [0, 1, 0, 0, 0, 1]).reshape(n, c, 2 * h, 2 * w)
    return filter_padded(wide, [2, 1, 2, 1], gain=4.0)


def affine(state: State, name: str, w: Tensor) -> Tensor:
    """Style of one layer, [N, in]."""
    weight = state[f"{name}.affine.weight"]
    return F.linear(w, weight / math.sqrt(weight.shape[1]), state[f"{name}.affine.bias"])


def modulated(x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool, up: bool = False) -> Tensor:
    """Equations 1 and 3: a kernel for every sample, and one grouped convolution."""
    n, _, h, w = x.shape
    out, inputs, k, _ = weight.shape
    kernels = weight[None] * styles[:, None, :, None, None]  # [N, out, in, k, k]
    if demodulate:
        kernels = kernels * (kernels.square().sum(dim=[2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, n * inputs, h, w)
    if up:
        kernels = kernels.transpose(1, 2).reshape(n * inputs, out, k, k)
        y = F.conv_transpose2d(x, kernels, stride=2, groups=n)
        y = filter_padded(y.reshape(n, out, 2 * h + 1, 2 * w + 1), [1, 1, 1, 1], gain=4.0)
    else:
        y = F.conv2d(x, kernels.reshape(n * out, inputs, k, k), padding=k // 2, groups=n)
        y = y.reshape(n, out, h, w)
    return y


def layer(state: State, name: str, x: Tensor, w: Tensor, noise: Tensor, *, up: bool) -> Tensor:
    """Style, convolution, noise, bias, activation."""
    x = modulated(x, state[f"{name}.weight"], affine(state, name, w), demodulate=True, up=up)
    x = x + noise * state[f"{name}.noise_strength"]
    x = x + state[f"{name}.bias"][None, :, None, None]
    return F.leaky_relu(x, 0.2) * SQRT2


def to_rgb(state: State, name: str, x: Tensor, w: Tensor) -> Tensor:
    """What one resolution adds to the picture."""
    weight = state[f"{name}.weight"]
    styles = affine(state, name, w) / math.sqrt(weight.shape[1])
    return modulated(x, weight, styles, demodulate=False) + state[f"{name}.bias"][None, :, None, None]


def synthesize(state: State, config: GeneratorConfig, ws: Tensor, noise: Mapping[str, Tensor] | None = None) -> Tensor:
    """ws [N, num_ws, w_dim] -> pictures [N, 3, H, W]; `state` is that of the synthesis network, noise by layer."""
    x = state["b4.const"][None].repeat(ws.shape[0], 1, 1, 1)
    picture: Tensor | None = None
    for index, resolution in enumerate(config.resolutions):
        block = f"b{resolution}"
        names = [f"{block}.conv0", f"{block}.conv1"] if index else [f"{block}.conv1"]
        first = max(2 * index - 1, 0)
        for i, name in enumerate(names):
            given = noise[name] if noise else state[f"{name}.noise_const"][None, None]
            x = layer(state, name, x, ws[:, first + i], given, up=name.endswith("conv0"))
        rgb = to_rgb(state, f"{block}.torgb", x, ws[:, first + len(names)])
        picture = rgb if picture is None else enlarge(picture) + rgb
    assert picture is not None  # noqa: S101 — there is always a block
    return picture


def convolution(state: State, name: str, x: Tensor, *, down: bool = False, act: bool = True) -> Tensor:
    """A convolution of the discriminator with its equalised weight; `down` filters, then strides."""
    weight = state[f"{name}.weight"]
    weight = weight / math.sqrt(weight[0].numel())
    k = weight.shape[-1]
    if down:
        x = filter_padded(x, [2, 2, 2, 2] if k == 3 else [1, 1, 1, 1])
        x = F.conv2d(x, weight, stride=2)
    else:
        x = F.conv2d(x, weight, padding=k // 2)
    if f"{name}.bias" in state:
        x = x + state[f"{name}.bias"][None, :, None, None]
    return F.leaky_relu(x, 0.2) * SQRT2 if act else x


def discriminate(state: State, config: DiscriminatorConfig, images: Tensor) -> Tensor:
    """images [N, 3, H, W] -> logits [N, 1]."""
    top = f"b{config.resolution}"
    x = convolution(state, f"{top}.fromrgb", images)
    for resolution in reversed(config.resolutions[1:]):
        block = f"b{resolution}"
        y = convolution(state, f"{block}.conv1", convolution(state, f"{block}.conv0", x), down=True)
        x = (y + convolution(state, f"{block}.skip", x, down=True, act=False)) * math.sqrt(0.5)
    x = torch.cat([x, spread(x, config.minibatch_group)], dim=1)
    x = convolution(state, "b4.conv", x).flatten(1)
    for name in ("b4.fc", "b4.out"):
        weight = state[f"{name}.weight"]
        x = F.linear(x, weight / math.sqrt(weight.shape[1]), state[f"{name}.bias"])
        x = F.leaky_relu(x, 0.2) * SQRT2 if name == "b4.fc" else x
    return x


def spread(x: Tensor, group: int) -> Tensor:
    """Minibatch standard deviation as one feature map (Karras et al. 2018, section 3)."""
    n, c, h, w = x.shape
    y = x.reshape(min(group, n), -1, c, h, w)
    y = (y.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=[1, 2, 3])
    return y.repeat(min(group, n))[:, None, None, None].expand(n, 1, h, w)


def states(generator: Generator, discriminator: Discriminator | None = None) -> list[dict[str, Tensor]]:
    """The tensors of both networks, NCHW; they are the networks' own, so that an optimiser moves both."""
    networks = [generator.synthesis, *([discriminator] if discriminator else [])]
    return [{**dict(n.named_parameters()), **dict(n.named_buffers())} for n in networks]
