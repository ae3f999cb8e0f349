"""The wiring of `blendgan train`: what cannot be trained is one line and exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from blendgan.cli import main

PICO = "--resolution 8 --channel-base 64 --channel-max 8 --latent 8 --mapping-layers 2 --device cpu --quiet".split()


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working directory with a folder `faces` of one picture."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    Image.new("RGB", (8, 8), "grey").save(tmp_path / "faces" / "a.png")
    return tmp_path


def run(*arguments: str) -> int:
    return main.run(["train", "--data", "faces", *arguments])


@pytest.mark.parametrize(
    "words",
    [
        "--latent 0", "--seed -1", "--freezed 100", "--freezed -1", "--kimg nan", "--kimg 0", "--kimg inf", "--snap 0",
        "--snap nan", "--snap 0.5", "--mapping-layers -1", "--mapping-layers 0", "--p 2", "--target 3", "--target nan",
        "--resolution 48", "--resolution 0", "--batch 0", "--channel-max 0", "--channel-base 0", "--gamma -1",
        "--lr nan", "--ema-kimg -1", "--style-mixing 2",
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_trained_with_exit_2(place, capsys, words):
    assert run("--outdir", "run", *PICO, *words.split()) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert words.split()[0].removeprefix("--").split("-")[0] in said.replace("learning_rate", "lr").replace("_kimg", "")
    assert not (place / "run").exists()


def test_a_batch_that_no_group_divides_trains_and_a_cut_state_exits_2(place, capsys):
    assert run("--outdir", "run", *PICO, "--batch", "6", "--kimg", "0.012") == 0
    assert (place / "run" / "network-snapshot-000000.safetensors").exists()
    assert run("--resume", "run", "--kimg", "0.018", "--device", "cpu", "--quiet") == 0
    (place / "run" / "training-state.pt").write_bytes(b"PK")
    capsys.readouterr()
    assert run("--resume", "run", "--device", "cpu") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "training-state.pt: cannot be read" in line


@pytest.mark.parametrize("option", ["--channel-base", "--latent"])
def test_a_transfer_keeps_its_network(tmp_path, capsys, option):
    words = ["train", "--data", str(tmp_path), "--outdir", str(tmp_path / "run"), "--from", "portraits", option, "32"]
    assert main.run(words) == 2
    assert f"{option}: the network is MODEL's own; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_transfer_does_not_shrink(tmp_path, capsys):
    words = ["train", "--data", str(tmp_path), "--outdir", str(tmp_path / "run"), "--from", "portraits"]
    assert main.run([*words, "--resolution", "32"]) == 2
    assert "resolution: found 32, expected a power of two of at least" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
