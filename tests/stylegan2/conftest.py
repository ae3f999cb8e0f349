"""The CUDA kernels where tests can run them: on a device, and compiled as plain C++ on the CPU."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from stylegan2.errors import KernelError
from stylegan2.ops import bias_act, cuda, kernels, toolchain, upfirdn2d  # noqa: F401  # the ops, registered
from stylegan2.ops.file_lock import locked
from stylegan2.ops.native import NativeOps

OPS = ("upfirdn2d", "bias_act", "bias_act_gradient")


@pytest.fixture(scope="session")
def nvcc() -> Path:
    """The compiler; tests that need it are skipped where there is none."""
    try:
        toolchain.find_host_compiler()
        return toolchain.find_nvcc()
    except KernelError as error:
        pytest.skip(f"no compiler for the kernels: {error}")


@pytest.fixture(scope="session")
def host_ops(nvcc: Path, tmp_path_factory: pytest.TempPathFactory) -> NativeOps:
    """The bodies of the kernels, compiled for the CPU: once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    library = folder / f"host{kernels.SUFFIX}"
    with locked(folder / "host.lock"):
        if not library.exists():
            units = [str(kernels.CSRC / f"{unit}.cu") for unit in kernels.UNITS]
            words = [str(nvcc), "-x", "c++", "-O1", "-shared", *kernels.FLAGS, *units, "-o", str(library)]
            made = subprocess.run(words, capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
    return NativeOps(library)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A device whose ops are our kernels, and nothing else: plain PyTorch is refused."""
    monkeypatch.setenv(cuda.VARIABLE, "cuda")
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        yield torch.device("cuda", 0)
        return
    ops = request.getfixturevalue("host_ops")
    monkeypatch.setattr(cuda, "load", lambda index: ops)
    redirection = torch.library.Library("blendgan", "IMPL")
    for name in OPS:
        redirection.impl(name, cuda.with_kernel(name, _refuse, _shape_of(name)), "CPU")
    yield torch.device("cpu")
    redirection._destroy()


def _refuse(*arguments: object) -> None:
    raise AssertionError("this went to plain PyTorch")


def _shape_of(name: str):
    """What the op says of its output to fake tensors; meta tensors are such."""
    op = getattr(torch.ops.blendgan, name)
    return lambda *arguments: torch.empty_like(
        op(*(one.to("meta") if isinstance(one, torch.Tensor) else one for one in arguments)), device="cpu"
    )
