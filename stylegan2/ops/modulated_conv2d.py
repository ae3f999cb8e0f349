"""Convolution whose kernel is scaled per sample by a style: `torch.ops.blendgan.modulated_conv2d`, a composite."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.ops import reference
from stylegan2.ops.dispatcher import register_composite
from stylegan2.ops.modulation_rule import scales_kernel, splits_transposed, uses_winograd
from stylegan2.ops.upfirdn2d import filter2d
from stylegan2.ops.winograd import convolve_3x3

SCHEMA = "(Tensor x, Tensor weight, Tensor styles, Tensor? f, int up, bool demodulate) -> Tensor"

_PHASES = ([2, 0], [1])  # taps that an even and an odd row take


def modulated_conv2d(
    x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None = None, up: int = 1, *, demodulate: bool = True
) -> Tensor:
    """Modulate, demodulate, convolve (StyleGAN2, equations 1 and 3); with up = 2, double the size and filter by f.

    x: [N, in, H, W]. weight: [out, in, k, k], k odd. styles: [N, in]. f: [k, k] FIR, needed with up = 2, where the
    weight is that of a transposed convolution. Returns [N, out, H·up, W·up]. Raises ValueError for other shapes.
    """
    y: Tensor = torch.ops.blendgan.modulated_conv2d(x, weight, styles, f, up, demodulate)
    return y


def _modulated_conv2d(x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None, up: int, demodulate: bool) -> Tensor:
    _check(x, weight, styles, f, up)
    y, left = modulate_and_convolve(x, weight, styles, f, up, demodulate=demodulate)
    return y if left is None else y * left


def _fit_half(weight: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    """Scale so that fp16, which ends at 65504, holds the sum over all inputs; a demodulation takes the scale back out.

    The largest weight of each output map becomes 1/√fan-in, the largest style of each sample 1 (Karras et al. 2020a,
    appendix C: pre-normalisation).
    """
    fan_in = weight[0].numel()
    weight = weight / (weight.abs().amax(dim=[1, 2, 3], keepdim=True).clamp(min=1e-8) * math.sqrt(fan_in))
    return weight, styles / styles.abs().amax(dim=1, keepdim=True).clamp(min=1e-8)


def _demodulation(weight: Tensor, styles: Tensor) -> Tensor:
    """Return what brings each output map back to unit variance, [N, out]: the root in equation 3."""
    sums = reference.at_least_float32(weight)
    energy = styles.to(sums).square() @ weight.to(sums).square().sum(dim=[2, 3]).t()  # the sum in equation 3
    return (energy + 1e-8).rsqrt()  # 1e-8: the paper's epsilon


def modulate_and_convolve(
    x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None, up: int, *, demodulate: bool, gain: float = 1.0
) -> tuple[Tensor, Tensor | None]:
    """Return the convolution and what it is still to be multiplied by, [N, out, 1, 1]; None if nothing.

    The gain goes into the demodulation, or without one into the styles. As the rule has it the kernel takes all scales,
    or the activations do.
    """
    if demodulate and x.dtype == torch.float16:
        weight, styles = _fit_half(weight, styles)
    factor = _demodulation(weight, styles) * gain if demodulate else None  # [N, out]
    styles = styles if demodulate or gain == 1 else styles * gain
    pixels = x.shape[2] * x.shape[3]
    activations = pixels * (weight.shape[1] + weight.shape[0] * up * up)
    if not torch.is_grad_enabled() and scales_kernel(x.shape[0], weight.numel(), activations):
        kernel = weight * styles[0, :, None, None]
        kernel = kernel if factor is None else kernel.mul_(factor[0, :, None, None, None])
        return _convolve(x, kernel.to(x.dtype), f, up), None
    y = _convolve(x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype), f, up)
    return y, None if factor is None else factor.to(x.dtype)[:, :, None, None]


def _convolve(x: Tensor, weight: Tensor, f: Tensor | None, up: int) -> Tensor:
    """Convolve; with up = 2 transposed, and filtered by f. x [N, in, H, W], weight [out, in, k, k]."""
    k, final = weight.shape[-1], not torch.is_grad_enabled()
    if up == 1 or f is None:
        return convolve_3x3(x, weight) if final and uses_winograd(x, weight) else F.conv2d(x, weight, padding=k // 2)
    if final and splits_transposed(x, k):
        y = _transposed_in_phases(x, weight)
    else:
        y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [N, out, 2H + k − 2, 2W + k − 2]
    margin = f.shape[-1] - k + 1  # what the filter takes off beyond the transposed convolution's own rim
    return filter2d(y, f, padding=[(margin + 1) // 2, margin // 2] * 2, gain=4)


def _transposed_in_phases(x: Tensor, weight: Tensor) -> Tensor:
    """The 3×3 transposed convolution of stride 2 as four plain ones: each pixel of four sees some taps only.

    An even row of the result is x[i]·w[0] + x[i − 1]·w[2], an odd one x[i]·w[1]; columns alike.
    """
    n, _, h, w = x.shape
    size = (n, weight.shape[0], 2 * h + 1, 2 * w + 1)
    y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        kernel = weight[:, :, _PHASES[row]][:, :, :, _PHASES[column]]
        y[:, :, row::2, column::2] = F.conv2d(x, kernel, padding=(1 - row, 1 - column))
    return y


def _check(x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None, up: int) -> None:
    if (
        x.ndim != 4
        or weight.ndim != 4
        or styles.shape != (x.shape[0], weight.shape[1])
        or x.shape[1] != weight.shape[1]
    ):
        raise ValueError(
            f"modulated_conv2d: x {tuple(x.shape)}, weight {tuple(weight.shape)}, styles {tuple(styles.shape)}; "
            f"expected [N, in, H, W], [out, in, k, k], [N, in]"
        )
    if up not in (1, 2) or (up == 2 and f is None):
        raise ValueError(f"modulated_conv2d: up is {up}; expected 1, or 2 with a filter f")


register_composite("modulated_conv2d", SCHEMA, _modulated_conv2d)
