"""Up-sample, FIR-filter, down-sample: `torch.ops.blendgan.upfirdn2d` and the four ways the networks call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.ops import reference
from stylegan2.ops.dispatcher import register

SCHEMA = "(Tensor x, Tensor f, int[] up, int[] down, int[] padding, bool flip, float gain) -> Tensor"
Size = int | Sequence[int]
Margins = tuple[tuple[int, int], tuple[int, int]]


def setup_filter(taps: Sequence[float]) -> Tensor:
    """Return the 2-D filter [k, k] of 1-D `taps`, float32, with sum 1: the outer product with itself."""
    f = torch.tensor(taps, dtype=torch.float32)
    f = f.outer(f)
    return f / f.sum()


def upfirdn2d(
    x: Tensor,
    f: Tensor,
    up: Size = 1,
    down: Size = 1,
    padding: Size = 0,
    flip_filter: bool = False,  # the name and place that other code calls
    gain: float = 1,
) -> Tensor:
    """Insert zeros, pad, convolve with f, keep every `down`-th pixel (StyleGAN2-ADA, appendix C).

    x: [N, C, H, W], floating point. f: [k] (separable) or [kh, kw]. up, down: int or [x, y]. padding: int or
    [x0, x1, y0, y1]; negative crops. flip_filter False is a true convolution. Returns
    [N, C, (H·up + y0 + y1 − kh) // down + 1, …]. Raises ValueError for other shapes.
    """
    kernel = f.outer(f) if f.ndim == 1 else f
    y: Tensor = torch.ops.blendgan.upfirdn2d(
        x, kernel, _pair(up), _pair(down), _sides(padding), bool(flip_filter), float(gain)
    )
    return y


def filter2d(x: Tensor, f: Tensor, padding: Size, gain: float = 1) -> Tensor:
    """Filter without resampling; `padding` as in `upfirdn2d`."""
    return upfirdn2d(x, f, padding=padding, gain=gain)


def upsample2d(x: Tensor, f: Tensor) -> Tensor:
    """Double the size of x [N, C, H, W]; the energy of the picture is kept (gain 4)."""
    k = f.shape[-1]
    return upfirdn2d(x, f, up=2, padding=[(k + 1) // 2, (k - 2) // 2] * 2, gain=4)


def downsample2d(x: Tensor, f: Tensor) -> Tensor:
    """Halve the size of x [N, C, H, W]."""
    k = f.shape[-1]
    return upfirdn2d(x, f, down=2, padding=[(k - 1) // 2, (k - 2) // 2] * 2)


def _pair(size: Size) -> list[int]:
    return [size, size] if isinstance(size, int) else [int(s) for s in size]


def _sides(padding: Size) -> list[int]:
    if isinstance(padding, int):
        return [padding] * 4
    return [int(p) for p in padding] * (2 if len(padding) == 2 else 1)


def _out_size(x: Tensor, f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int]) -> tuple[int, int]:
    height = (x.shape[2] * up[1] + padding[2] + padding[3] - f.shape[0]) // down[1] + 1
    width = (x.shape[3] * up[0] + padding[0] + padding[1] - f.shape[1]) // down[0] + 1
    return height, width


def _check(x: Tensor, f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int]) -> None:
    if x.ndim != 4 or f.ndim != 2:
        raise ValueError(
            f"upfirdn2d: x has shape {tuple(x.shape)}, f {tuple(f.shape)}; expected [N, C, H, W] and [kh, kw]"
        )
    if len(up) != 2 or len(down) != 2 or min(*up, *down) < 1 or len(padding) != 4:
        raise ValueError(
            f"upfirdn2d: up {up}, down {down}, padding {padding}; expected pairs of at least 1, and four sides"
        )
    if min(_out_size(x, f, up, down, padding)) < 1:
        raise ValueError(
            f"upfirdn2d: x of {tuple(x.shape[2:])} is smaller than the filter of {tuple(f.shape)}; pad it more"
        )


def _upfirdn2d(
    x: Tensor, f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float
) -> Tensor:
    _check(x, f, up, down, padding)
    if _is_padded_convolution(up, padding):
        kernel = _kernel(x, f, gain, flip=flip)
        return F.conv2d(x, kernel, stride=(down[1], down[0]), padding=(padding[2], padding[0]), groups=x.shape[1])
    margins = _transposed_margins(f, up, down, padding)
    if margins is not None:
        return _transposed_convolution(x, f, up, margins, gain, flip=not flip)
    return reference.upfirdn2d(x, f, up, down, padding, flip, gain)


def _is_padded_convolution(up: Sequence[int], padding: Sequence[int]) -> bool:
    """Equal padding on opposite sides is a convolution's own: it spares a padded copy (3 × on a CPU)."""
    x0, x1, y0, y1 = padding
    return tuple(up) == (1, 1) and x0 == x1 >= 0 and y0 == y1 >= 0


def _transposed_margins(f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int]) -> Margins | None:
    """(crop, output padding), each (y, x), of the transposed convolution that does the same; None if there is none.

    Output j is Σ x[i] · f[i·up − j + pad0]: with k taps, those of f turned round, after a crop of k − 1 − pad0.
    """
    x0, x1, y0, y1 = padding
    crop = (f.shape[0] - 1 - y0, f.shape[1] - 1 - x0)
    more = (up[1] - 1 + y1 - y0, up[0] - 1 + x1 - x0)
    fits = min(*crop, *more) >= 0 and more[0] < up[1] and more[1] < up[0]
    return (crop, more) if fits and tuple(down) == (1, 1) else None


def _transposed_convolution(
    x: Tensor, f: Tensor, up: Sequence[int], margins: Margins, gain: float, *, flip: bool
) -> Tensor:
    """Up-sample without a tensor of zeros (10 × on a CPU)."""
    slow = x.device.type == "cpu" and x.dtype in (torch.bfloat16, torch.float16)  # 15 × there
    y = x.to(torch.float32) if slow else x
    crop, more = margins
    kernel = _kernel(y, f, gain, flip=flip)
    stride = (up[1], up[0])
    y = F.conv_transpose2d(y, kernel, stride=stride, padding=crop, output_padding=more, groups=x.shape[1])
    return y.to(x.dtype)


def _kernel(x: Tensor, f: Tensor, gain: float, *, flip: bool) -> Tensor:
    """f as the kernel of a correlation of each channel by itself: [C, 1, kh, kw]."""
    kernel = (f if flip else f.flip([0, 1])).to(x.dtype) * gain
    return kernel[None, None].repeat(x.shape[1], 1, 1, 1)


def _upfirdn2d_shape(
    x: Tensor, f: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float
) -> Tensor:
    _check(x, f, up, down, padding)
    return x.new_empty([*x.shape[:2], *_out_size(x, f, up, down, padding)])


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, f, ctx.up, ctx.down, ctx.padding, ctx.flip, ctx.gain = inputs
    ctx.save_for_backward(f)
    ctx.in_size, ctx.out_size = x.shape[2:], output.shape[2:]


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    """The gradient by x is the op itself with up and down exchanged and the filter turned round."""
    (f,) = ctx.saved_tensors
    (up_x, up_y), (down_x, down_y) = ctx.up, ctx.down
    x0, _, y0, _ = ctx.padding
    (kh, kw), (in_h, in_w), (out_h, out_w) = f.shape, ctx.in_size, ctx.out_size
    padding = [
        kw - x0 - 1,
        in_w * up_x - out_w * down_x + x0 - up_x + 1,
        kh - y0 - 1,
        in_h * up_y - out_h * down_y + y0 - up_y + 1,
    ]
    dx = torch.ops.blendgan.upfirdn2d(dy, f, ctx.down, ctx.up, padding, not ctx.flip, ctx.gain)
    return dx, None, None, None, None, None, None


register("upfirdn2d", SCHEMA, _upfirdn2d, _upfirdn2d_shape, (_backward, _save_for_backward))
