"""One styled layer as a whole: modulated convolution, noise, bias, activation, gain and clamp (StyleGAN2, figure 2c).

With gradients it is the ops of this package, one after the other. Without, nobody but this module ever sees what lies
between them, so it works in place: the gain is folded into the factors that are applied anyway, and what follows the
convolution passes over its output once, in slices that stay in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.ops.bias_act import HOMOGENEOUS, bias_act
from stylegan2.ops.modulated_conv2d import modulate_and_convolve
from stylegan2.ops.reference import ACTIVATIONS

SLICE_BYTES = 2 << 20  # of the output worked on at a time; measured: 1 to 4 MB are the best, 1.4 x as fast as the whole


class Ending(NamedTuple):
    """What follows the convolution. b [out], noise [N or 1, 1, H, W], as in `bias_act`; clamp None = none."""

    b: Tensor
    noise: Tensor | None
    act: str
    gain: float
    clamp: float | None


def styled_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    b: Tensor,
    f: Tensor | None = None,
    *,
    up: int = 1,
    noise: Tensor | None = None,
    act: str = "linear",
    gain: float = 1.0,
    clamp: float | None = None,
    demodulate: bool = True,
) -> Tensor:
    """clamp(gain · act(modulated_conv2d(x) + noise + b)), in x's type.

    x [N, in, H, W], weight [out, in, k, k], styles [N, in], b [out], noise [N or 1, 1, H·up, W·up]; f, up and
    demodulate as in `modulated_conv2d`. gain is the whole one: that of the activation times the caller's. Returns
    [N, out, H·up, W·up]. Raises ValueError for other shapes.
    """
    ending = Ending(b.to(x.dtype), None if noise is None else noise.to(x.dtype), act, gain, clamp)
    folded = gain if act in HOMOGENEOUS else 1.0  # the gain, where it may go into the factors before
    y, left = modulate_and_convolve(x, weight, styles, f, up, demodulate=demodulate, gain=folded)
    if torch.is_grad_enabled() or act not in HOMOGENEOUS or y.is_cuda:  # a GPU has a kernel for all of it
        return _finished(y, left, ending, folded)
    return finish_(y, left, ending)


def _finished(y: Tensor, scale: Tensor | None, ending: Ending, folded: float) -> Tensor:
    """What `finish_` does, with gradients, for any activation; `folded` is the gain that y and scale have already."""
    y = y if scale is None else y * scale
    y = y if ending.noise is None else y + ending.noise * folded
    return bias_act(y, ending.b * folded, act=ending.act, gain=ending.gain / folded, clamp=ending.clamp)


def finish_(y: Tensor, scale: Tensor | None, ending: Ending) -> Tensor:
    """Turn y [N, out, H, W] into clamp(act(y · scale + gain · (noise + b))), in place; act is homogeneous."""
    b = (ending.b * ending.gain)[None, :, None, None]
    noise = None if ending.noise is None else ending.noise * ending.gain
    rows = max(SLICE_BYTES // (y[:, :, :1].numel() * y.element_size()), 1)
    for start in range(0, y.shape[2], rows):
        part = y[:, :, start : start + rows]
        if scale is None:
            part.add_(b)
        else:
            torch.addcmul(b, part, scale, out=part)
        if noise is not None:
            part.add_(noise[:, :, start : start + rows])
        if ending.act != "linear":
            F.leaky_relu_(part, ACTIVATIONS[ending.act].alpha)
        if ending.clamp is not None:
            part.clamp_(-ending.clamp, ending.clamp)
    return y
