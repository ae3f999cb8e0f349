"""Building the kernels: programs that are missing, compilers that fail, the cache, two processes at once."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from stylegan2.errors import InputError, KernelError
from stylegan2.ops import cuda, kernels, native, toolchain

STUB = """#!{python}
import pathlib, sys, time
if "--version" in sys.argv:
    print("Cuda compilation tools, release 12.6, V12.6.20")
    sys.exit()
{body}
with open({log!r}, "a") as log:
    log.write("compiled\\n")
time.sleep(0.1)
pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_bytes(b"a library")
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BLENDGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def stub(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    """`stub(body)`: a CUDA_HOME whose nvcc runs the lines `body`, then writes what it was asked for."""
    if sys.platform == "win32":
        pytest.skip("the stub compiler is a script")
    monkeypatch.setattr(kernels, "find_host_compiler", lambda: Path("g++"))

    def make(body: str = "") -> Path:
        nvcc = tmp_path / "cuda with a space" / "bin" / "nvcc"
        nvcc.parent.mkdir(parents=True, exist_ok=True)
        nvcc.write_text(STUB.format(python=sys.executable, body=body, log=str(tmp_path / "log")), encoding="utf-8")
        nvcc.chmod(0o755)
        monkeypatch.setenv("CUDA_HOME", str(nvcc.parent.parent))
        return tmp_path / "log"

    return make


def test_a_library_is_built_once_and_kept(stub, cache: Path) -> None:
    log = stub()
    library = kernels.build("90")
    assert library.relative_to(cache).parts[0] == "kernels"
    assert re.fullmatch(r"sm_90-[0-9a-f]{16}", library.parent.name)
    assert library.name == f"nvcc-12.6.20{kernels.SUFFIX}"
    assert kernels.build("90") == library == kernels.find_built("90")
    assert log.read_text() == "compiled\n" * (len(kernels.UNITS) + 1)
    assert kernels.find_built("80") is None
    assert sorted(file.suffix for file in library.parent.iterdir()) == ["", ".log", ".sha256", kernels.SUFFIX]


def test_a_damaged_library_is_built_again(stub) -> None:
    stub()
    library = kernels.build("90")
    library.write_bytes(b"a lib")
    assert kernels.find_built("90") is None
    assert kernels.build("90").read_bytes() == b"a library"


def test_a_library_built_ahead_needs_no_compiler(stub, monkeypatch, tmp_path: Path) -> None:
    stub()
    library = kernels.build("90")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "gone"))
    assert kernels.build("90") == library


@pytest.mark.slow
def test_two_processes_at_once_build_it_once(stub) -> None:
    log = stub()
    code = (
        "import pathlib; from stylegan2.ops import kernels; kernels.find_host_compiler = lambda: pathlib.Path('g++');"
        "print(kernels.build('90'))"
    )
    root = Path(kernels.__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) for _ in "ab"]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1] == f"{kernels.find_built('90')}\n"
    assert log.read_text() == "compiled\n" * (len(kernels.UNITS) + 1)


def test_a_failing_compiler_is_one_line_and_a_log(stub) -> None:
    stub("sys.stderr.write('In file included from x:\\nx.cu(3): error: no such thing\\nmore\\n'); sys.exit(2)")
    with pytest.raises(
        KernelError, match=r"^nvcc failed: x\.cu\(3\): error: no such thing; the whole output is in "
    ) as e:
        kernels.build("90")
    log = Path(str(e.value).rpartition(" is in ")[2])
    assert "In file included" in log.read_text(encoding="utf-8")
    assert sorted(file.name for file in log.parent.iterdir()) == ["lock", log.name]


@pytest.mark.parametrize("variable", toolchain.VARIABLES)
def test_a_broken_home_is_named(variable: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(KernelError, match=rf"^{variable} is .*nowhere, where bin/nvcc is not; correct {variable}, or"):
        toolchain.find_nvcc()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without CUDA, compilers or ninja."""
    for variable in (*toolchain.VARIABLES, "NVCC_CCBIN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "USUAL_HOME", tmp_path)
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (
            toolchain.find_nvcc,
            "nvcc: found neither by CUDA_HOME or CUDA_PATH, on PATH, nor in .*; install NVIDIA's",
        ),
        (toolchain.find_ninja, "ninja: found neither its Python package nor a program on PATH; pip install ninja"),
        (toolchain.find_host_compiler, "the C.. compiler that nvcc needs is not on PATH; install it, or name one in"),
    ],
)
def test_what_is_missing_is_named(bare: None, find, message: str) -> None:
    with pytest.raises(KernelError, match=message):
        find()


def test_without_ninja_nothing_is_built(stub, cache: Path, monkeypatch) -> None:
    stub()
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None)
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    with pytest.raises(KernelError, match="pip install ninja"):
        kernels.build("90")
    assert not cache.exists()


def test_an_nvcc_that_does_not_answer_is_named(stub, tmp_path: Path) -> None:
    stub()
    nvcc = toolchain.find_nvcc()
    nvcc.write_text("#!/bin/sh\necho Segmentation fault; exit 139\n", encoding="utf-8")
    with pytest.raises(KernelError, match=r"nvcc --version: expected a line with a version, found Segmentation fault"):
        toolchain.nvcc_version(nvcc)
    nvcc.write_bytes(b"\x00")
    with pytest.raises(KernelError, match=r"nvcc: does not run \(.*; install the CUDA toolkit again"):
        toolchain.nvcc_version(nvcc)


def test_a_cache_that_cannot_be_written_is_named(stub, cache: Path) -> None:
    stub()
    cache.write_text("a file, where a folder should be: root may write everywhere else")
    with pytest.raises(KernelError, match=r"cache.* kernels could not be built there \(.*\); name another folder"):
        kernels.build("90")


def test_what_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "ops.so").write_bytes(b"\x7fELF")
    with pytest.raises(KernelError, match=r"ops\.so: cannot be loaded \(.*; delete it, and it is built again"):
        native.NativeOps(tmp_path / "ops.so")


def test_a_device_whose_kernels_failed_is_not_asked_twice(stub, monkeypatch) -> None:
    log = stub("sys.exit('it burns')")
    monkeypatch.setattr(cuda.torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(cuda, "driver_version", lambda: "13.0")
    cuda._load_once.cache_clear()
    for _ in range(2):
        with pytest.raises(KernelError, match="nvcc failed: .*; the whole output"):
            cuda.load(0)
        stub()  # now it would succeed
    assert not log.exists()
    cuda._load_once.cache_clear()


@pytest.mark.parametrize(("text", "architecture"), [("90", "90"), ("sm_120", "120"), ("8.6", "86"), ("90a", "90a")])
def test_architectures(text: str, architecture: str) -> None:
    assert kernels.parse_architecture(text) == architecture


@pytest.mark.parametrize("text", ["", "hopper", "9", "sm90 -o x", "1234"])
def test_what_is_no_architecture_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"architecture: found .*, expected a compute capability such as 90 or 9\.0"):
        kernels.parse_architecture(text)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/blendgan"),
        ("linux", {}, "~/.cache/blendgan"),
        ("darwin", {}, "~/Library/Caches/blendgan"),
        ("linux", {"BLENDGAN_CACHE": "/y"}, "/y"),
    ],
)
def test_the_cache_is_where_the_platform_has_it(monkeypatch, platform: str, variables: dict, expected: str) -> None:
    for name in ("XDG_CACHE_HOME", "BLENDGAN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kernels.sys, "platform", platform)
    assert kernels.cache_dir() == Path(expected).expanduser()


def architectures_of(library: bytes) -> set[int]:
    """Of every cubin inside: ELF files of machine 190 (CUDA), whose e_flags name it in bits 8 to 15."""
    starts = [found.start() for found in re.finditer(rb"\x7fELF", library)]
    cubins = [start for start in starts if struct.unpack_from("<H", library, start + 18) == (190,)]
    return {struct.unpack_from("<I", library, start + 48)[0] >> 8 & 0xFF for start in cubins}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["80", "90", "100", "120"])
def test_it_compiles_for(architecture: str, nvcc: Path, cache: Path, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_HOME", str(nvcc.resolve().parent.parent))
    library = kernels.build(architecture)
    assert architectures_of(library.read_bytes()) == {int(architecture)}
    native.NativeOps(library)  # loads, without a device


@pytest.mark.slow
def test_an_architecture_that_nvcc_does_not_know_is_one_line(nvcc: Path, cache: Path) -> None:
    with pytest.raises(KernelError, match=r"^nvcc failed: nvcc fatal .*'compute_999'; the whole output is in "):
        kernels.build("999")
