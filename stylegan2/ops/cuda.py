"""Which CUDA tensors go to our kernels: the choice behind `BLENDGAN_OPS`, and the way from an op to its kernel.

    auto        (default) our kernels where they are PROVEN, else plain PyTorch; a failed build is one warning
    reference   plain PyTorch
    cuda        our kernels; what keeps them from running is a KernelError

Importing this starts nothing on a device: a library is built and loaded when the first tensor asks for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from stylegan2.errors import InputError, KernelError
from stylegan2.ops import kernels, native, toolchain
from stylegan2.ops.native import NativeOps
from stylegan2.ops.selfcheck import check

_log = logging.getLogger(__name__)
Function = Callable[..., Any]

VARIABLE = "BLENDGAN_OPS"
MODES = ("auto", "reference", "cuda")
HOPPER = (9, 0)  # an NVIDIA H100, with PyTorch 2.11 and CUDA 13.0
# Compute capabilities on which all tests of an op ran, and none failed.
PROVEN: dict[str, tuple[tuple[int, int], ...]] = {
    "upfirdn2d": (HOPPER,),
    "bias_act": (HOPPER,),
    "bias_act_gradient": (HOPPER,),
}


def mode() -> str:
    """Return what BLENDGAN_OPS says. Raises InputError for another word."""
    chosen = os.environ.get(VARIABLE) or "auto"
    if chosen not in MODES:
        raise InputError(f"{VARIABLE}: found {chosen!r}, expected {', '.join(MODES[:-1])} or {MODES[-1]}")
    return chosen


def with_kernel(name: str, plain: Function, shape: Function) -> Function:
    """The function of an op for CUDA tensors: its kernel where that is chosen, else `plain`.

    `shape` computes the output for fake tensors, and refuses shapes that do not fit.
    """
    launch = partial(LAUNCHES[name], shape)

    def run(*arguments: Any) -> Any:
        ops = _chosen(name, arguments)
        return plain(*arguments) if ops is None else launch(ops, *arguments)

    return run


def architecture(device: int) -> str:
    """What nvcc calls a device's compute capability: "90"."""
    return "{}{}".format(*torch.cuda.get_device_capability(device))


def is_proven(name: str, device: int) -> bool:
    """Whether all tests of the op ran on such a device."""
    return torch.cuda.get_device_capability(device) in PROVEN[name]


def load(device: int) -> NativeOps:
    """Build, load and check the kernels for one device. Raises KernelError with what keeps them from running."""
    loaded = _load_once(device)
    if isinstance(loaded, KernelError):
        raise KernelError(str(loaded)) from loaded
    return loaded


def check_driver() -> None:
    """Raise KernelError where the compiler is of a later CUDA than the driver runs."""
    version = toolchain.nvcc_version(toolchain.find_nvcc())
    driver = driver_version()
    if int(version.partition(".")[0]) > int(driver.partition(".")[0] or 0):
        raise KernelError(
            f"nvcc is of CUDA {version}, the driver runs up to {driver}; update the driver, or name an older toolkit "
            f"in {toolchain.VARIABLES[0]}"
        )


def driver_version() -> str:
    """The CUDA version that the driver runs, such as "13.0"; where it cannot be asked, that of PyTorch."""
    ask = getattr(torch._C, "_cuda_getDriverVersion", None)
    found = ask() if ask else 0  # 13020 is 13.2
    return f"{found // 1000}.{found % 1000 // 10}" if found else torch.version.cuda or "0"


# ---- one library for each device --------------------------------------------------------------------------------


@cache  # the process's only memory of what it loaded, and of what failed: no call builds twice
def _load_once(device: int) -> NativeOps | KernelError:
    try:
        wanted = architecture(device)
        library = kernels.find_built(wanted)
        if library is None:
            check_driver()
            library = kernels.build(wanted)
        ops = NativeOps(library)
        check(ops, torch.device("cuda", device))
    except KernelError as error:
        return error
    return ops


@cache  # once for each message
def _warn(message: str) -> None:
    _log.warning("CUDA kernels are not used: %s", message)


def _chosen(name: str, arguments: tuple[Any, ...]) -> NativeOps | None:
    wanted, device = mode(), arguments[0].device.index
    if wanted == "reference" or torch.version.hip is not None:  # AMD's devices come under the same key
        return None
    if wanted == "auto" and not is_proven(name, device):
        return None
    if not native.takes(*_tensors_of_one_dtype(name, arguments)):
        return None
    try:
        return load(device)
    except KernelError as error:
        if wanted == "cuda":
            raise
        _warn(str(error))
        return None


def _tensors_of_one_dtype(name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return arguments[: {"upfirdn2d": 1, "bias_act": 2, "bias_act_gradient": 3}[name]]  # f has a dtype of its own


# ---- from an op's arguments to its launch -----------------------------------------------------------------------


def _launch_upfirdn2d(shape: Function, ops: NativeOps, x: Tensor, f: Tensor, *settings: Any) -> Tensor:
    size = shape(x.to("meta"), f.to("meta"), *settings).shape
    flat = x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.contiguous_format if flat else torch.channels_last
    y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=layout)
    return ops.upfirdn2d(y, x, f, *settings)


def _launch_bias_act(shape: Function, ops: NativeOps, x: Tensor, *settings: Any) -> Tensor:
    y = shape(x, *settings)
    return ops.bias_act(y, _laid_like(y, x), *settings)


def _launch_bias_act_gradient(shape: Function, ops: NativeOps, dy: Tensor, saved: Tensor, *settings: Any) -> Tensor:
    y = shape(dy, saved, *settings)
    return ops.bias_act_gradient(y, _laid_like(y, dy), _laid_like(y, saved), *settings)


def _laid_like(y: Tensor, x: Tensor) -> Tensor:
    """The same numbers, in memory as y's are: kernels walk all tensors together."""
    return x if x.stride() == y.stride() else torch.empty_like(y).copy_(x)


LAUNCHES: dict[str, Function] = {
    "upfirdn2d": _launch_upfirdn2d,
    "bias_act": _launch_bias_act,
    "bias_act_gradient": _launch_bias_act_gradient,
}
