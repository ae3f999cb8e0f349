"""The wiring of `blendgan train`: what cannot be trained is one line and exit 2."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from blendgan.cli import main, training_options
from stylegan2.checkpoints import load
from stylegan2.train import TrainingConfig, presets
from stylegan2.train.config import AUGPIPES

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
        "--lr nan", "--ema-kimg -1", "--style-mixing 2", "--batch-gpu 3", "--batch-gpu 0", "--pl-weight -1",
        "--lr-scale 16=1", "--lr-scale 4=x", "--lr-scale 4=-1", "--ema-rampup -1", "--mbstd-group 0", "--augpipe abc",
        "--cfg best", "--precision fp16",
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_trained_with_exit_2(place, capsys, words):
    assert run("--outdir", "run", *PICO, *words.split()) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert words.split()[0].removeprefix("--").split("-")[0] in said.replace("learning_rate", "lr").replace(
        "_kimg", ""
    ).replace("minibatch_group", "mbstd").replace("pl_", "pl-")
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


def numbers_of(place: Path) -> dict:
    return torch.load(place / "run" / "training-state.pt", weights_only=True)["training_config"]


def test_without_a_setup_the_numbers_are_those_of_small_models(place):
    assert run("--outdir", "run", *PICO, "--kimg", "0.016") == 0
    assert TrainingConfig(**numbers_of(place)) == TrainingConfig(kimg=0.016)


def test_a_setup_gives_the_numbers_that_are_not_given(place):
    words = "--cfg auto --batch 8 --kimg 0.008 --lr 0.001 --aug noaug --lr-scale 4=0,8=0.5 --freeze-mapping"
    assert run("--outdir", "run", *PICO, *words.split()) == 0
    found = TrainingConfig(**numbers_of(place))
    assert (found.batch, found.kimg, found.learning_rate, found.ada_target) == (8, 0.008, 0.001, None)
    assert (found.pl_weight, found.ema_kimg) == (2, 2.5)
    assert found.gamma == pytest.approx(0.0002 * 8**2 / 8)
    assert (found.lr_scale, found.freeze_mapping) == (((4, 0.0), (8, 0.5)), True)


def test_a_transfer_takes_a_setups_course_and_keeps_its_network(place):
    assert run("--outdir", "base", *PICO, "--kimg", "0.016") == 0
    words = "--from base/network-snapshot-000000.safetensors --cfg toon-32kimg --kimg 0.032 --device cpu --quiet"
    assert run("--outdir", "run", *words.split()) == 0
    found = TrainingConfig(**numbers_of(place))
    assert (found.batch, found.gamma, found.ada_target, found.pl_weight) == (32, 10, None, 2)
    assert load(place / "run" / "network-snapshot-000000.safetensors").config.channels == (8, 8)


def test_classes_need_labels(place, capsys):
    assert run("--outdir", "run", *PICO, "--cond") == 2
    assert "faces: found no labels, which --cond needs" in capsys.readouterr().err
    assert not (place / "run").exists()


def test_a_resumed_run_keeps_its_course(place, capsys):
    (place / "run").mkdir()
    assert run("--resume", "run", "--cfg", "auto", "--batch-gpu", "4") == 2
    assert "--cfg, --batch-gpu: a resumed run keeps the numbers it was begun with" in capsys.readouterr().err


def test_the_words_of_options_are_those_that_the_trainer_knows():
    assert training_options.CONFIGS == presets.NAMES
    assert training_options.AUGPIPES == tuple(AUGPIPES)
