"""csrc/*.cu → one shared library in the user's cache, built once for each version of sources, compiler and device.

    cache/kernels/sm_90-<hash of sources and flags>/nvcc-13.0.88.so      and beside it .sha256, the log, the lock

The library links no PyTorch, only CUDA's runtime, and that statically: it has no version of theirs to clash with.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from stylegan2.errors import InputError, KernelError
from stylegan2.ops.file_lock import locked
from stylegan2.ops.toolchain import find_host_compiler, find_ninja, find_nvcc, nvcc_version

WINDOWS = sys.platform == "win32"
CSRC = Path(__file__).resolve().parent / "csrc"
UNITS = ("upfirdn2d", "bias_act")
FLAGS = ("-std=c++17", *(() if WINDOWS else ("-Xcompiler", "-fPIC,-fvisibility=hidden")))
SUFFIX, OBJECT = (".dll", ".obj") if WINDOWS else (".so", ".o")
BUILD_SECONDS = 600  # after which a compiler is taken to hang; it needs about 20
ARCHITECTURE = re.compile(r"(?:sm_)?(\d{2,3}[af]?)")


def parse_architecture(text: str) -> str:
    """`90`, `sm_90`, `9.0` → "90". Raises InputError for another form."""
    found = ARCHITECTURE.fullmatch(text.replace(".", ""))
    if not found:
        raise InputError(f"architecture: found {text!r}, expected a compute capability such as 90 or 9.0")
    return found[1]


def cache_dir() -> Path:
    """Return BLENDGAN_CACHE, else `blendgan` in the platform's folder for caches."""
    if chosen := os.environ.get("BLENDGAN_CACHE"):
        return Path(chosen)
    if WINDOWS:
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "blendgan"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "blendgan"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blendgan"


def library_folder(architecture: str) -> Path:
    """Where the libraries of these very sources and flags are, one for each version of nvcc."""
    return cache_dir() / "kernels" / f"sm_{architecture}-{_sources_digest()}"


def built_architectures() -> tuple[str, ...]:
    """For which devices the cache holds a library of these sources, such as ("80", "90")."""
    folders = cache_dir().glob(f"kernels/sm_*-{_sources_digest()}")
    found = (folder.name.removeprefix("sm_").partition("-")[0] for folder in folders)
    return tuple(sorted(architecture for architecture in found if find_built(architecture)))


def find_built(architecture: str) -> Path | None:
    """Return the library that is there and whole: the present compiler's, or without a compiler any."""
    try:
        version = nvcc_version(find_nvcc())
    except KernelError:
        version = "*"
    candidates = sorted(library_folder(architecture).glob(f"nvcc-{version}{SUFFIX}"), reverse=True)
    return next((library for library in candidates if _is_whole(library)), None)


def build(architecture: str) -> Path:
    """Return the library for one architecture ("90"), building it if it is not there; about 20 s.

    Two processes at once build it once. Raises KernelError where a program is missing, the compiler fails, or the
    cache cannot be written.
    """
    if built := find_built(architecture):
        return built
    nvcc, ninja, _ = find_nvcc(), find_ninja(), find_host_compiler()
    target = library_folder(architecture) / f"nvcc-{nvcc_version(nvcc)}{SUFFIX}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.parent / "lock"):
            if not _is_whole(target):  # another process may have built it while this one waited
                _build(target, nvcc, ninja, architecture)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise KernelError(
            f"{target.parent}: kernels could not be built there ({reason}); name another folder in BLENDGAN_CACHE"
        ) from error
    return target


def _build(target: Path, nvcc: Path, ninja: Path, architecture: str) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as folder:
        (Path(folder) / "build.ninja").write_text(_ninja_file(nvcc, architecture), encoding="utf-8")
        _run([str(ninja), "-C", folder], target.with_suffix(".log"))
        library = Path(folder) / f"ops{SUFFIX}"
        digest = Path(folder) / "digest"
        digest.write_text(_sha256(library), encoding="ascii")
        os.replace(digest, _digest_file(target))
        os.replace(library, target)  # last: what stands under this name is whole


def _run(command: list[str], log: Path) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise KernelError(f"nvcc: not done after {BUILD_SECONDS} s; look what keeps the machine busy") from error
    output = ran.stdout + ran.stderr
    log.write_text(output, encoding="utf-8")
    if ran.returncode:
        raise KernelError(f"nvcc failed: {_complaint(output)}; the whole output is in {log}")


def _complaint(output: str) -> str:
    """The line that says what is wrong: the first with an error in it, else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in lines if re.search(r"\b(error|fatal)\b", line)), lines[-1]).rstrip(".")


def _ninja_file(nvcc: Path, architecture: str) -> str:
    flags = (*FLAGS, "-gencode", f"arch=compute_{architecture},code=sm_{architecture}")
    objects = " ".join(f"{unit}{OBJECT}" for unit in UNITS)
    return "\n".join(
        [
            f"compiler = {_in_ninja(_in_shell([str(nvcc), *flags]))}",
            "rule compile",
            "  command = $compiler -c $in -o $out",
            "rule link",
            "  command = $compiler -shared $in -o $out",
            *(f"build {unit}{OBJECT}: compile {_in_ninja(CSRC.as_posix(), path=True)}/{unit}.cu" for unit in UNITS),
            f"build ops{SUFFIX}: link {objects}",
            "",
        ]
    )


def _in_shell(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if WINDOWS else shlex.join(words)


def _in_ninja(text: str, *, path: bool = False) -> str:
    text = text.replace("$", "$$")
    return text.replace(" ", "$ ").replace(":", "$:") if path else text


def _sources_digest() -> str:
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for source in sorted(CSRC.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _digest_file(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _is_whole(library: Path) -> bool:
    """Whether the file is what was built: loading a damaged library can end the process."""
    try:
        return _digest_file(library).read_text(encoding="ascii") == _sha256(library)
    except (OSError, UnicodeError):
        return False


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
