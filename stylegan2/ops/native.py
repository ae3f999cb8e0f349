"""The built kernels, called with tensors: of a CUDA device, or of the CPU where they were compiled for it, as in tests.

Every function fills `y`, and checks nothing: shapes and dtypes are the callers' to know.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylegan2.errors import KernelError
from stylegan2.ops.reference import ACTIVATIONS

DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}  # as in csrc/body.cuh
ACTS = {act: code for code, act in enumerate(ACTIVATIONS)}  # as in csrc/bias_act.cu
LARGEST_SIDE = 2**30  # coordinates are 32 bits in the kernels, offsets 64


class Upfirdn2dArguments(ctypes.Structure):
    """As in csrc/upfirdn2d.cu."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "f", "y")),
        *((name, ctypes.c_int64 * 4) for name in ("x_strides", "y_strides")),
        *((name, ctypes.c_int32) for name in ("n", "c", "in_h", "in_w", "out_h", "out_w")),
        *((name, ctypes.c_int32) for name in ("up_x", "up_y", "down_x", "down_y", "pad_x", "pad_y")),
        *((name, ctypes.c_int32) for name in ("taps_x", "taps_y", "flip", "dtype")),
        ("gain", ctypes.c_double),
    ]


class BiasActArguments(ctypes.Structure):
    """As in csrc/bias_act.cu."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "dy", "b", "y")),
        *((name, ctypes.c_int64) for name in ("elements", "step", "count")),
        *((name, ctypes.c_double) for name in ("alpha", "gain", "clamp")),
        *((name, ctypes.c_int32) for name in ("act", "dtype")),
    ]


def takes(y: Tensor, *others: Tensor | None) -> bool:
    """Whether the kernels have these dtypes and sizes; `y` is one of the tensors."""
    same = all(other is None or (other.dtype == y.dtype and other.device == y.device) for other in others)
    return same and y.dtype in DTYPES and max(y.shape, default=0) < LARGEST_SIDE


class NativeOps:
    """One library, loaded. Raises KernelError where it cannot be, or a launch fails."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise KernelError(f"{path}: cannot be loaded ({error}); delete it, and it is built again") from error
        self._library.blendgan_error.restype = ctypes.c_char_p
        for name in ("blendgan_upfirdn2d", "blendgan_bias_act"):
            getattr(self._library, name).argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]

    def upfirdn2d(
        self,
        y: Tensor,
        x: Tensor,
        f: Tensor,
        up: Sequence[int],
        down: Sequence[int],
        padding: Sequence[int],
        flip: bool,
        gain: float,
    ) -> Tensor:
        """y [N, C, H', W'], x [N, C, H, W], of any strides; the rest as in `reference.upfirdn2d`."""
        f = f.to(x.device, torch.float64 if x.dtype == torch.float64 else torch.float32).contiguous()
        n, c, in_h, in_w = x.shape
        arguments = Upfirdn2dArguments(
            *(tensor.data_ptr() for tensor in (x, f, y)),
            *((ctypes.c_int64 * 4)(*tensor.stride()) for tensor in (x, y)),
            *(n, c, in_h, in_w, y.shape[2], y.shape[3]),
            *(*up, *down, padding[0], padding[2]),
            *(f.shape[1], f.shape[0], flip, DTYPES[x.dtype]),
            gain,
        )
        return self._run("blendgan_upfirdn2d", arguments, y)

    def bias_act(
        self, y: Tensor, x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float, gain: float, clamp: float
    ) -> Tensor:
        """y, x of equal shape and strides, dense in any order of axes; the rest as in `reference.bias_act`."""
        b = None if b is None else b.contiguous()  # named here, so that it lives as long as the call
        return self._run("blendgan_bias_act", _bias_act_arguments(y, x, None, b, dim, act, alpha, gain, clamp), y)

    def bias_act_gradient(
        self,
        y: Tensor,
        dy: Tensor,
        saved: Tensor,
        b: Tensor | None,
        dim: int,
        act: str,
        alpha: float,
        gain: float,
        clamp: float,
    ) -> Tensor:
        """y, dy, saved of equal shape and strides, dense; `saved` as in the op `bias_act_gradient`."""
        b = None if b is None else b.contiguous()
        return self._run("blendgan_bias_act", _bias_act_arguments(y, saved, dy, b, dim, act, alpha, gain, clamp), y)

    def _run(self, name: str, arguments: ctypes.Structure, y: Tensor) -> Tensor:
        if y.numel() == 0:
            return y
        stream = torch.cuda.current_stream(y.device).cuda_stream if y.is_cuda else None
        with torch.cuda.device_of(y):  # PyTorch's current device is again what it was, also for this thread's driver
            code = getattr(self._library, name)(ctypes.byref(arguments), y.device.index or 0, stream)
        if code:
            reason = self._library.blendgan_error(code).decode()
            raise KernelError(
                f"{name} on {y.device}: CUDA says {reason!r}; BLENDGAN_OPS=reference does without kernels"
            )
        return y


def _bias_act_arguments(
    y: Tensor, x: Tensor, dy: Tensor | None, b: Tensor | None, dim: int, *settings: Any
) -> BiasActArguments:
    act, alpha, gain, clamp = settings
    several = b is not None and y.shape[dim] > 1  # the stride of an axis of one may be anything
    return BiasActArguments(
        x.data_ptr(),
        None if dy is None else dy.data_ptr(),
        None if b is None else b.data_ptr(),
        y.data_ptr(),
        y.numel(),
        y.stride(dim) if several else 1,
        y.shape[dim] if several else 1,
        *(alpha, gain, clamp),
        *(ACTS[act], DTYPES[y.dtype]),
    )
