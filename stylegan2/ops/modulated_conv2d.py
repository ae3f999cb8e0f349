"""Convolution whose kernel is scaled per sample by a style: `torch.ops.blendgan.modulated_conv2d`, a composite."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.ops import reference
from stylegan2.ops.dispatcher import register_composite
from stylegan2.ops.upfirdn2d import filter2d

SCHEMA = "(Tensor x, Tensor weight, Tensor styles, Tensor? f, int up, bool demodulate) -> Tensor"


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
    if x.shape[0] == 1 and not torch.is_grad_enabled():
        return _with_modulated_weight(x, weight, styles, f, up, demodulate=demodulate)
    return _with_scaled_activations(x, weight, styles, f, up, demodulate=demodulate)


def _with_modulated_weight(
    x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None, up: int, *, demodulate: bool
) -> Tensor:
    """One sample: its kernel is smaller than its activations, so the kernel is what gets scaled."""
    return _convolve(x, reference.modulate_weight(weight, styles, demodulate=demodulate)[0].to(x.dtype), f, up)


def _with_scaled_activations(
    x: Tensor, weight: Tensor, styles: Tensor, f: Tensor | None, up: int, *, demodulate: bool
) -> Tensor:
    """Many samples share one convolution: scale its input by the style and its output by the demodulation."""
    y = _convolve(x * styles.to(x.dtype)[:, :, None, None], weight.to(x.dtype), f, up)
    if not demodulate:
        return y
    sums = reference.at_least_float32(weight)
    energy = styles.to(sums).square() @ weight.to(sums).square().sum(dim=[2, 3]).t()  # [N, out], the sum in equation 3
    return y * (energy + 1e-8).rsqrt().to(y.dtype)[:, :, None, None]


def _convolve(x: Tensor, weight: Tensor, f: Tensor | None, up: int) -> Tensor:
    k = weight.shape[-1]
    if up == 1:
        return F.conv2d(x, weight, padding=k // 2)
    y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # [N, out, 2H + k − 2, 2W + k − 2]
    taps = f.shape[-1] if f is not None else 0
    margin = taps - k + 1  # what the filter takes off beyond the transposed convolution's own rim
    return filter2d(y, f, padding=[(margin + 1) // 2, margin // 2] * 2, gain=4) if f is not None else y


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
