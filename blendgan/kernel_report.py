"""The CUDA kernels on this machine: what `blendgan doctor` says of them, and building them ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from blendgan.findings import Finding
from stylegan2.errors import InputError, KernelError
from stylegan2.ops import cuda, kernels, toolchain


@dataclass(frozen=True)
class Built:
    """A library that is ready, for devices of one architecture ("90"), after so many seconds."""

    architecture: str
    path: Path
    seconds: float


def build_ahead(architecture: str | None = None) -> Built:
    """Build the kernels: for the first CUDA device, where they are checked too, or for an architecture, unseen.

    Raises InputError where no architecture is given and no device is there, KernelError where the build fails.
    """
    started = time.perf_counter()
    if architecture is not None:
        wanted = kernels.parse_architecture(architecture)
        path = kernels.build(wanted)
    elif torch.cuda.is_available():
        wanted = cuda.architecture(0)
        cuda.load(0)
        path = kernels.build(wanted)  # which has just been built
    else:
        raise InputError("CUDA kernels: this machine has no CUDA device to build for; name one: --arch 90")
    return Built(wanted, path, time.perf_counter() - started)


def kernel_findings() -> tuple[Finding, ...]:
    """Say which ops run here, and whether the kernels can be built. Advice only where kernels could be used."""
    try:
        chosen = cuda.mode()
    except InputError as error:
        return (Finding("ops", "no op runs on a CUDA device", str(error)),)
    usable = chosen == "cuda" or (torch.cuda.is_available() and chosen != "reference")
    programs = (
        _program("CUDA compiler", _compiler, usable=usable),
        _program("C++ compiler", toolchain.find_host_compiler, usable=usable),
        _program("ninja", toolchain.find_ninja, usable=usable),
    )
    return (Finding("ops", _ops(chosen)), *programs, Finding("CUDA kernels", _built()))


def _ops(chosen: str) -> str:
    if chosen == "cuda":
        return f"on CUDA devices our kernels, by {cuda.VARIABLE}=cuda"
    if chosen == "reference":
        return f"PyTorch's own, by {cuda.VARIABLE}=reference"
    if not torch.cuda.is_available():
        return "PyTorch's own; on CUDA devices that have proven them, our kernels"
    if all(cuda.is_proven(name, 0) for name in cuda.PROVEN):
        return "on CUDA devices our kernels"
    return f"PyTorch's own; our kernels are not proven on such a device, so {cuda.VARIABLE}=auto does not choose them"


def _compiler() -> str:
    nvcc = toolchain.find_nvcc()
    return f"{toolchain.nvcc_version(nvcc)}, {nvcc}"


def _program(subject: str, find: Callable[[], str | Path], *, usable: bool) -> Finding:
    try:
        return Finding(subject, str(find()))
    except KernelError as error:
        return Finding(subject, "none", str(error) if usable else "")


def _built() -> str:
    architectures = ", ".join(f"sm_{architecture}" for architecture in kernels.built_architectures())
    where = kernels.cache_dir() / "kernels"
    return f"built for {architectures}, in {where}" if architectures else "not built; blendgan doctor --build does"
