"""The layers of both networks, smallest first. Weights are stored raw and scaled at run time (equalised learning
rate, Karras et al. 2018), so that every weight starts at unit variance and learns at the same speed.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan2.ops import bias_act, downsample2d, filter2d, styled_conv2d, upsample2d
from stylegan2.ops.bias_act import HOMOGENEOUS
from stylegan2.ops.reference import ACTIVATIONS


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale each row of x [N, C] to unit mean square (StyleGAN2's normalisation of z)."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class FullyConnected(nn.Module):
    """[N, in] -> [N, out]. `lr_multiplier` slows learning: weight and bias are multiplied by it at run time."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.lr_multiplier = lr_multiplier
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([outputs], float(bias_init)))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.lr_multiplier / math.sqrt(self.weight.shape[1]))
        bias = self.bias * self.lr_multiplier if self.lr_multiplier != 1 else self.bias
        if self.activation == "linear":
            return F.linear(x, weight, bias)
        return bias_act(F.linear(x, weight), bias, act=self.activation)


class Conv2d(nn.Module):
    """Plain convolution of the discriminator and of skip connections: [N, in, H, W] -> [N, out, H', W'].

    `resample` is "none", "up" (size doubled) or "down" (halved), through the FIR filter `fir`.
    """

    fir: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, fir: Tensor, *, activation: str = "linear",
        resample: str = "none", clamp: float | None = None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.activation, self.resample, self.clamp = activation, resample, clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.weight_gain = 1 / math.sqrt(inputs * kernel * kernel)
        self.register_buffer("fir", fir, persistent=False)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        act = ACTIVATIONS[self.activation]
        clamp = None if self.clamp is None else self.clamp * gain
        # Where the activation allows it, the gain goes into weight and bias, which are small beside what they make.
        folded = act.gain * gain if self.activation in HOMOGENEOUS else 1.0
        bias = None if self.bias is None else (self.bias * folded).to(x.dtype)
        x = self._convolve(x, (self.weight * (self.weight_gain * folded)).to(x.dtype), bias)
        return bias_act(x, act=self.activation, gain=act.gain * gain / folded, clamp=clamp)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        kernel = weight.shape[-1]
        if self.resample == "up":
            y = upsample2d(F.conv2d(x, weight, padding=kernel // 2), self.fir)
            return y if bias is None else y + bias[:, None, None]
        if self.resample == "down" and kernel == 1:  # filter fewer pixels: a 1×1 convolution commutes with it
            return F.conv2d(downsample2d(x, self.fir), weight, bias)
        if self.resample == "down":
            margin = self.fir.shape[-1] + kernel - 3  # so that exactly half the pixels remain
            x = filter2d(x, self.fir, padding=[(margin + 1) // 2, margin // 2] * 2)
            return F.conv2d(x, weight, bias, stride=2)
        return F.conv2d(x, weight, bias, padding=kernel // 2)


class SynthesisLayer(nn.Module):
    """Style, modulated 3×3 convolution, noise, bias, activation (StyleGAN2, figure 2c).

    x [N, in, H, W], w [N, w_dim], noise [N or 1, 1, H', W'] or None -> [N, out, H', W'].
    """

    fir: Tensor
    noise_const: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, size: tuple[int, int], fir: Tensor, *,
        up: int = 1, activation: str = "lrelu", clamp: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.up, self.activation, self.clamp = up, activation, clamp
        self.affine = FullyConnected(w_dim, inputs, bias_init=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(size))
        self.register_buffer("fir", fir, persistent=False)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None, gain: float = 1.0) -> Tensor:
        noise = None if noise is None or self._is_silent() else noise * self.noise_strength
        act = ACTIVATIONS[self.activation]
        return styled_conv2d(
            x, self.weight, self.affine(w), self.bias, self.fir,
            up=self.up, noise=noise, act=self.activation, gain=act.gain * gain,
            clamp=None if self.clamp is None else self.clamp * gain,
        )  # fmt: skip

    def _is_silent(self) -> bool:
        """Whether the noise would be multiplied by zero; asked where it costs nothing, and no gradient needs it."""
        strength = self.noise_strength
        return not torch.is_grad_enabled() and strength.device.type == "cpu" and not strength


class ToRGB(nn.Module):
    """Modulated 1×1 convolution without demodulation: [N, in, H, W] -> picture [N, image channels, H, W]."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, inputs, bias_init=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) / math.sqrt(self.weight.shape[1])
        return styled_conv2d(x, self.weight, styles, self.bias, clamp=self.clamp, demodulate=False)


class MinibatchStddev(nn.Module):
    """Append the spread within groups of the batch as feature maps (Karras et al. 2018, section 3).

    [N, C, H, W] -> [N, C + channels, H, W]. Sample i shares a group with every (N / group)-th other; where `group`
    does not divide N, the groups are the largest smaller ones that do.
    """

    def __init__(self, group: int, channels: int) -> None:
        super().__init__()
        self.group, self.channels = group, channels

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        largest = min(self.group, n) if self.group else n
        group = next(size for size in range(largest, 0, -1) if n % size == 0)
        y = x.reshape(group, -1, self.channels, c // self.channels, h, w)
        y = (y.var(dim=0, unbiased=False) + 1e-8).sqrt()  # [N / group, channels, c, H, W]
        y = y.mean(dim=[2, 3, 4])  # [N / group, channels]
        y = y[:, :, None, None].repeat(group, 1, h, w)
        return torch.cat([x, y], dim=1)
