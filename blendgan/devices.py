"""Which device computes: one choice, made at the entry."""

from __future__ import annotations

import torch

from stylegan2.errors import InputError
from stylegan2.ops import cuda


def select_device(name: str) -> torch.device:
    """Return the device that `name` means; `auto` is CUDA where there is one, else the CPU.

    MPS is never chosen by itself: its results have not been compared with the CPU's. Raises InputError for a word
    that is no device, for a device that this machine does not have, and where BLENDGAN_OPS holds an unknown word.
    """
    cuda.mode()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device: found {name!r}, expected auto, cpu, cuda, cuda:1 or mps") from error
    if not _is_there(device):
        raise InputError(
            f"device: {name} is not on this machine, or this PyTorch was built without it; try --device cpu"
        )
    return device


def require_precision(name: str, device: torch.device) -> None:
    """Raise InputError if a device has no arithmetic for a precision (fp32, bf16, fp16): it would be slower than fp32.

    A processor says itself what it has: AMX or AVX-512 with bf16 or fp16, or Arm's extensions of these names.
    """
    if name == "fp32" or device.type == "mps":
        return
    if device.type == "cuda":
        there = name == "fp16" or torch.cuda.is_bf16_supported(including_emulation=False)
        found = torch.cuda.get_device_name(device)
    else:
        has = torch.cpu.get_capabilities()
        there = any(has.get(extension) for extension in (f"amx_{name}", f"avx512_{name}", name, f"{name}_arith"))
        found = f"the processor {has.get('cpu_name', '')}".strip()
    if not there:
        raise InputError(f"precision: {name} needs a device that computes in it, {found} does not; use fp32")


def _is_there(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"
