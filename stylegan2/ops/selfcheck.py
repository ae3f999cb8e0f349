"""A look at the loaded kernels before they are trusted: each op once, against its definition."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.errors import KernelError
from stylegan2.ops import reference
from stylegan2.ops.native import NativeOps

TOLERANCE = 1e-6  # relative, in float64; the derivative is a difference quotient
STEP = 1e-5


def check(ops: NativeOps, device: torch.device) -> None:
    """Raise KernelError where an op is not its definition on this device."""
    x = torch.linspace(-2, 2, 2 * 3 * 6 * 5, dtype=torch.float64).reshape(2, 3, 6, 5)  # nowhere 0
    b = torch.tensor([0.003, -0.4, 0.7], dtype=torch.float64)
    _compare("upfirdn2d", *_upfirdn2d(ops, x, device))
    for act in ("lrelu", "swish"):
        settings = (1, act, 0.2, 1.5, 1.7)
        y = reference.bias_act(x, b, *settings)
        here = [tensor.to(device) for tensor in (x, b, y)]
        _compare("bias_act", y, ops.bias_act(torch.empty_like(here[0]), here[0], here[1], *settings))
        slope = (reference.bias_act(x + STEP, b, *settings) - reference.bias_act(x - STEP, b, *settings)) / (2 * STEP)
        saved = here[2] if act == "lrelu" else here[0]
        found = ops.bias_act_gradient(torch.empty_like(saved), here[0], saved, here[1], *settings)
        _compare("bias_act_gradient", x * slope, found)


def _upfirdn2d(ops: NativeOps, x: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    f = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(4, 3)
    settings = ([2, 1], [1, 2], [2, -1, 1, 2], False, 0.5)
    expected = reference.upfirdn2d(x, f, *settings)
    y = torch.empty_like(expected, device=device)
    return expected, ops.upfirdn2d(y, x.to(device), f.to(device), *settings)


def _compare(name: str, expected: Tensor, found: Tensor) -> None:
    error = (expected - found.to(expected)).abs().max().item() / expected.abs().max().item()
    if not error <= TOLERANCE:
        raise KernelError(
            f"{name}: the kernel is {error:.1e} from its definition, expected at most {TOLERANCE:.0e}; "
            f"set BLENDGAN_OPS=reference and report this"
        )
