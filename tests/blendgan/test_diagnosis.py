"""`doctor` tells a whole weight file from a damaged and a lost one."""

from __future__ import annotations

import json

import pytest
import torch

from blendgan import kernel_report
from blendgan.cli import main
from blendgan.diagnosis import findings
from blendgan.findings import Finding
from stylegan2 import store
from stylegan2.errors import KernelError
from stylegan2.ops import kernels, toolchain


@pytest.fixture
def weights(tmp_path, monkeypatch):
    whole = {"file": "whole.safetensors", "size": 5, "licence": "MIT", "source": "a test"}
    (tmp_path / "whole.safetensors").write_bytes(b"whole")
    (tmp_path / "damaged.safetensors").write_bytes(b"whoel")
    sha256 = store.sha256_of(tmp_path / "whole.safetensors")
    entries = {
        name: {**whole, "file": f"{name}.safetensors", "sha256": sha256} for name in ("damaged", "lost", "whole")
    }
    (tmp_path / store.MANIFEST).write_text(json.dumps(entries), encoding="utf-8")
    monkeypatch.setattr(store, "PLACES", (tmp_path,))


def test_findings(weights):
    found = {finding.subject: finding for finding in findings()}
    assert found["PyTorch"].value == torch.__version__
    assert found["CPU"].value == f"{torch.get_num_threads()} threads"
    assert found["weights: whole"] == Finding("weights: whole", "whole.safetensors, 0.0 MB, MIT")
    assert found["weights: lost"].value == "lost.safetensors is not there"
    assert found["weights: damaged"].value == "damaged.safetensors is not the file that was shipped"
    assert {subject for subject, finding in found.items() if finding.advice} == {"weights: lost", "weights: damaged"}


def test_the_command(weights, capsys):
    assert main.run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "lost.safetensors is not there" in out
    assert "install blendgan again" in out


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    def find():
        raise KernelError("nvcc: not found; install it")

    monkeypatch.setenv("BLENDGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "find_nvcc", find)
    monkeypatch.setattr(kernels, "find_nvcc", find)


def kernel_lines() -> dict[str, Finding]:
    return {finding.subject: finding for finding in kernel_report.kernel_findings()}


def test_missing_compilers_matter_only_where_kernels_could_run(no_compiler, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = kernel_lines()
    assert found["CUDA compiler"] == Finding("CUDA compiler", "none")
    assert found["ops"].value == "PyTorch's own; on CUDA devices that have proven them, our kernels"
    assert found["CUDA kernels"].value == "not built; blendgan doctor --build does"
    monkeypatch.setenv("BLENDGAN_OPS", "cuda")
    found = kernel_lines()
    assert found["CUDA compiler"].advice == "nvcc: not found; install it"
    assert found["ops"].value == "on CUDA devices our kernels, by BLENDGAN_OPS=cuda"
    monkeypatch.setenv("BLENDGAN_OPS", "reference")
    assert kernel_lines()["ops"].value == "PyTorch's own, by BLENDGAN_OPS=reference"


def test_a_device_that_has_not_proven_them_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, expected in {(9, 0): "on CUDA devices our kernels", (8, 0): "not proven on such a device"}.items():
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        assert expected in kernel_lines()["ops"].value


def test_an_unknown_mode_is_one_line_and_stops_a_command(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BLENDGAN_OPS", "gpu")
    assert kernel_lines()["ops"].advice == "BLENDGAN_OPS: found 'gpu', expected auto, reference or cuda"
    assert main.run(["generate", "--network", "portraits", "--seeds", "0", "--outdir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "blendgan: BLENDGAN_OPS: found 'gpu', expected auto, reference or cuda\n"


def test_what_is_built_is_shown(monkeypatch, no_compiler):
    folder = kernels.library_folder("90")
    folder.mkdir(parents=True)
    library = folder / f"nvcc-13.0.88{kernels.SUFFIX}"
    library.write_bytes(b"a library")
    library.with_suffix(".sha256").write_text(store.sha256_of(library))
    assert kernel_lines()["CUDA kernels"].value == f"built for sm_90, in {folder.parent}"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--build"], "CUDA kernels: this machine has no CUDA device to build for; name one: --arch 90"),
        (["--build", "--arch", "90"], "nvcc: not found; install it"),
        (["--build", "--arch", "x"], "architecture: found 'x', expected a compute capability such as 90 or 9.0"),
        (["--arch", "90"], "--arch says what --build builds for; give both (see blendgan doctor --help)"),
    ],
)
def test_a_build_that_fails_is_one_line_and_exit_2(no_compiler, monkeypatch, capsys, arguments, line):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main.run(["doctor", *arguments]) == 2
    assert capsys.readouterr().err == f"blendgan: {line}\n"


def test_a_build_says_where_it_lies(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(kernel_report.kernels, "build", lambda architecture: tmp_path / architecture)
    assert main.run(["doctor", "--build", "--arch", "8.6"]) == 0
    assert capsys.readouterr().out == f"CUDA kernels for sm_86: ready after 0.0 s in {tmp_path / '86'}\n"
