"""What each op computes, in plain PyTorch: the definition that every faster path is tested against.

`upfirdn2d` and `bias_act` follow StyleGAN2-ADA (Karras et al. 2020a) and StyleGAN2 (2020b); `modulated_conv2d` is
equations 1 and 3 of StyleGAN2. Activations are [N, C, H, W]; nothing here imports another module of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """An activation with its customary slope `alpha` and the `gain` that keeps unit variance through it."""

    function: Callable[[Tensor, float], Tensor]
    gain: float = 1.0
    alpha: float = 0.0


SQRT2 = math.sqrt(2)
ACTIVATIONS = {
    "linear": Activation(lambda x, alpha: x),
    "relu": Activation(lambda x, alpha: F.relu(x), gain=SQRT2),
    "lrelu": Activation(lambda x, alpha: F.leaky_relu(x, alpha), gain=SQRT2, alpha=0.2),
    "tanh": Activation(lambda x, alpha: torch.tanh(x)),
    "sigmoid": Activation(lambda x, alpha: torch.sigmoid(x)),
    "elu": Activation(lambda x, alpha: F.elu(x)),
    "selu": Activation(lambda x, alpha: F.selu(x)),
    "softplus": Activation(lambda x, alpha: F.softplus(x)),
    "swish": Activation(lambda x, alpha: torch.sigmoid(x) * x, gain=SQRT2),
}


def bias_act(x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float) -> Tensor:
    """clamp(gain · act(x + b)), with b along `dim`; clamp < 0 means none."""
    if b is not None:
        x = x + b.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    y = ACTIVATIONS[act].function(x, alpha)
    if gain != 1:
        y = y * gain
    return y.clamp(-clamp, clamp) if clamp >= 0 else y


def upfirdn2d(
    x: Tensor, f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: int, gain: float
) -> Tensor:
    """Insert zeros (`up` = [x, y]), pad or crop ([x0, x1, y0, y1]), convolve with f, keep every `down`-th pixel.

    x [N, C, H, W], f [kh, kw]; flip = 0 is a true convolution, 1 a correlation.
    """
    x = _insert_zeros(x, up)
    x = _pad_or_crop(x, padding)
    kernel = (f if flip else f.flip([0, 1])).to(x.dtype) * gain
    channels = x.shape[1]
    kernel = kernel[None, None].repeat(channels, 1, 1, 1)  # [C, 1, kh, kw]
    return F.conv2d(x, kernel, stride=(down[1], down[0]), groups=channels)


def _insert_zeros(x: Tensor, up: Sequence[int]) -> Tensor:
    if tuple(up) == (1, 1):
        return x
    n, c, h, w = x.shape
    x = x.reshape(n, c, h, 1, w, 1)
    x = F.pad(x, (0, up[0] - 1, 0, 0, 0, up[1] - 1))  # zeros after every pixel
    return x.reshape(n, c, h * up[1], w * up[0])


def _pad_or_crop(x: Tensor, padding: Sequence[int]) -> Tensor:
    x0, x1, y0, y1 = padding
    x = F.pad(x, [max(p, 0) for p in padding])
    return x[:, :, max(-y0, 0) : x.shape[2] - max(-y1, 0), max(-x0, 0) : x.shape[3] - max(-x1, 0)]


def at_least_float32(x: Tensor) -> torch.dtype:
    """The type for sums of squares: in half precision those of 512 channels would overflow."""
    return torch.promote_types(x.dtype, torch.float32)


def modulate_weight(weight: Tensor, styles: Tensor, *, demodulate: bool) -> Tensor:
    """Per-sample kernels (StyleGAN2, equations 1 and 3): [out, in, k, k], styles [N, in] -> [N, out, in, k, k]."""
    w = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        energy = w.to(at_least_float32(w)).square().sum(dim=[2, 3, 4], keepdim=True)
        w = w * (energy + 1e-8).rsqrt().to(w.dtype)  # 1e-8: the paper's epsilon
    return w


def modulated_conv2d(x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool = True, padding: int = 0) -> Tensor:
    """Convolve every sample with its own modulated kernel; x [N, in, H, W] -> [N, out, H', W']."""
    n = x.shape[0]
    w = modulate_weight(weight, styles, demodulate=demodulate)
    y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), w.flatten(0, 1), padding=padding, groups=n)
    return y.reshape(n, -1, *y.shape[2:])
