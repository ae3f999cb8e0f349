"""The scripts that trained the shipped models by graphs, for a few batches on the CPU, where a graph is its work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from projector.encoders.files import load_encoder
from stylegan2 import checkpoints
from stylegan2.loading import load_generator, open_model

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
pytestmark = pytest.mark.slow


def run(script: str, *words: object) -> None:
    done = subprocess.run([sys.executable, WEIGHTS / script, *map(str, words), "--device", "cpu"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    from blendgan.cli import main

    words = ["generate", "--network", "portraits", "--seeds", "0-7", "--outdir", str(tmp_path / "faces")]
    assert main.run([*words, "--device", "cpu", "--quiet"]) == 0
    return tmp_path / "faces"


def test_a_transfer_moves_all_but_what_is_frozen(faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run("train_graphed.py", faces, out, "--from", "portraits", "--kimg", 0.008, "--batch", 4, "--anchor", 1,
        "--freeze-mapping", "--rampdown", "--p", 0.3)  # fmt: skip
    (snapshot,) = out.glob("network-snapshot-*.safetensors")
    before, after = open_model("portraits").tensors, checkpoints.load(snapshot).tensors
    for name, tensor in before.items():
        moved = not torch.equal(tensor.float(), after[name])
        assert not (moved and name.startswith("mapping."))
        assert moved or not name.endswith("conv1.weight")
    assert json.loads((out / "log.jsonl").read_text().splitlines()[0])["kimg"] == 0


def test_an_encoder_belongs_to_its_model(faces: Path, tmp_path: Path) -> None:
    run("train_encoder_graphed.py", "portraits", faces, tmp_path / "encoder.safetensors", "--kimg", 0.008, "--batch", 4)
    encoder = load_encoder(tmp_path / "encoder.safetensors")
    assert encoder.mapping == load_generator("portraits").mapping_fingerprint
    assert all(bool(tensor.isfinite().all()) for tensor in encoder.state_dict().values())
