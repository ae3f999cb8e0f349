"""The commands that compute for long, on a CUDA device: they run there, and come to what the CPU comes to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import blendgan
from blendgan.cli import main
from stylegan2 import checkpoints
from stylegan2.loading import open_model
from stylegan2.ops import cuda

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
PORTRAIT = Path(blendgan.__file__).parent / "data" / "astronaut.jpg"


@pytest.fixture(params=["reference", "cuda"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cuda.VARIABLE, request.param)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder of the shipped model's own faces."""
    folder = tmp_path / "faces"
    words = ["generate", "--network", "portraits", "--seeds", "0-15", "--outdir", str(folder), "--device", "cuda"]
    assert main.run([*words, "--quiet"]) == 0
    return folder


def test_generate(faces: Path, tmp_path: Path) -> None:
    words = ["generate", "--network", "portraits", "--seeds", "0-3", "--outdir", str(tmp_path / "cpu")]
    assert main.run([*words, "--device", "cpu", "--quiet"]) == 0
    for name in (f"seed{seed:04d}.png" for seed in range(4)):
        there, here = (np.asarray(Image.open(place / name)).astype(int) for place in (faces, tmp_path / "cpu"))
        assert np.abs(there - here).max() <= 3


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_transfer_with_an_anchor_goes_on_where_it_stopped(faces: Path, tmp_path: Path, precision: str) -> None:
    out, device = str(tmp_path / "run"), ["--device", "cuda", "--quiet"]
    begun = ["train", "--data", str(faces), "--from", "portraits", "--outdir", out, "--kimg", "0.064", "--p", "0.3"]
    more = ["--anchor", "2", "--gamma", "0.5", "--precision", precision, "--preview-swap", "16", "--snap", "1"]
    assert main.run([*begun, *more, *device]) == 0
    assert main.run(["train", "--data", str(faces), "--resume", out, "--kimg", "0.128", *device]) == 0
    base, (snapshot,) = open_model("portraits").tensors, (tmp_path / "run").glob("network-snapshot-*.safetensors")
    trained = checkpoints.load(snapshot).tensors
    assert sum(not torch.equal(base[name].float(), trained[name]) for name in base) > len(base) / 2


def test_an_encoder_learns(faces: Path, tmp_path: Path) -> None:
    out, device = str(tmp_path / "encoder"), ["--device", "cuda", "--quiet"]
    begun = ["train-encoder", "--network", "portraits", "--data", str(faces), "--outdir", out]
    assert main.run([*begun, "--kimg", "0.08", *device]) == 0
    assert (tmp_path / "encoder" / "encoder.safetensors").exists()


def test_toonify(tmp_path: Path) -> None:
    assert main.run(["toonify", str(PORTRAIT), "--outdir", str(tmp_path), "--device", "cuda", "--quiet"]) == 0
    assert (tmp_path / f"{PORTRAIT.stem}.toon.png").exists()
