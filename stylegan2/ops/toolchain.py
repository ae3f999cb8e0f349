"""The programs that build the CUDA kernels: nvcc, the C++ compiler that it calls, ninja."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from stylegan2.errors import KernelError

EXECUTABLE = ".exe" if sys.platform == "win32" else ""
VARIABLES = ("CUDA_HOME", "CUDA_PATH")  # Linux's and Windows's custom; the first that is set decides
USUAL_HOME = Path("/usr/local/cuda")
NO_CUDA = "install NVIDIA's CUDA toolkit, or do without: BLENDGAN_OPS=reference"
VERSION = re.compile(r"\bV(\d+\.\d+\.\d+)")
ANSWER_SECONDS = 60  # for a program to tell its version


def find_nvcc() -> Path:
    """Return the compiler of CUDA_HOME or CUDA_PATH, else of PATH, else of /usr/local/cuda.

    Raises KernelError where there is none, and where a variable names a folder that has none.
    """
    for variable in VARIABLES:
        if home := os.environ.get(variable):
            nvcc = Path(home) / "bin" / f"nvcc{EXECUTABLE}"
            if nvcc.is_file():
                return nvcc
            raise KernelError(f"{variable} is {home}, where bin/nvcc is not; correct {variable}, or unset it")
    if found := shutil.which("nvcc"):
        return Path(found)
    if (usual := USUAL_HOME / "bin" / "nvcc").is_file():
        return usual
    raise KernelError(f"nvcc: found neither by {' or '.join(VARIABLES)}, on PATH, nor in {USUAL_HOME}; {NO_CUDA}")


def nvcc_version(nvcc: Path) -> str:
    """Return the compiler's version, such as "13.0.88". Raises KernelError where it does not run or tell."""
    try:
        answer = subprocess.run([nvcc, "--version"], capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise KernelError(f"{nvcc}: does not run ({_reason(error)}); install the CUDA toolkit again") from error
    version = VERSION.search(answer.stdout)
    if answer.returncode or not version:
        said = " ".join((answer.stdout + answer.stderr).split())[:200] or "nothing"
        raise KernelError(f"{nvcc} --version: expected a line with a version, found {said}; install CUDA again")
    return version[1]


def find_host_compiler() -> Path:
    """Return the C++ compiler that nvcc calls: NVCC_CCBIN, else g++ (cl on Windows). Raises KernelError without."""
    name = os.environ.get("NVCC_CCBIN") or ("cl" if sys.platform == "win32" else "g++")
    if found := shutil.which(name):
        return Path(found)
    raise KernelError(f"{name}: the C++ compiler that nvcc needs is not on PATH; install it, or name one in NVCC_CCBIN")


def find_ninja() -> Path:
    """Return ninja: that of its Python package, else of PATH. Raises KernelError where there is none."""
    if find_spec("ninja") is not None:
        import ninja  # type: ignore[import-untyped, unused-ignore]

        program = Path(ninja.BIN_DIR) / f"ninja{EXECUTABLE}"
        if program.is_file():
            return program
    if found := shutil.which("ninja"):
        return Path(found)
    raise KernelError("ninja: found neither its Python package nor a program on PATH; pip install ninja")


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else type(error).__name__
