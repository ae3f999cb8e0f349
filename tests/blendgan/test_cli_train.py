"""The wiring of `blendgan train`: what cannot be trained is one line and exit 2."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from blendgan.cli import main, signals, training_options
from stylegan2.checkpoints import load
from stylegan2.train import TrainingConfig, loop, presets
from stylegan2.train.config import AUGPIPES
from stylegan2.train.snapshots import load_state

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
    assert found.ema_rampup == 0  # a ramp would drop BASE's average at the first batch
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


AUTO = [*PICO, "--outdir", "run", "--resume", "auto", "--batch", "2"]


def test_one_command_line_begins_a_run_goes_on_with_it_and_finds_it_finished(place, capsys):
    assert run(*AUTO, "--kimg", "0.004") == 0
    first = (place / "run" / "network-snapshot-000000.safetensors").read_bytes()
    assert run(*AUTO, "--kimg", "0.004") == 0
    assert (place / "run" / "network-snapshot-000000.safetensors").read_bytes() == first
    assert run(*AUTO, "--kimg", "0.006", "--snap", "2") == 0
    assert (place / "run" / "network-snapshot-000000.safetensors").read_bytes() != first
    assert [json.loads(line)["kimg"] for line in (place / "run" / "log.jsonl").read_text().splitlines()] == [
        0.004,
        0.006,
    ]
    capsys.readouterr()
    assert run(*AUTO, "--kimg", "0.008", "--gamma", "3") == 2
    said = capsys.readouterr().err
    assert "gamma: found 3.0, expected 0.2, with which the run was begun; say that again, or choose another" in said
    assert run("--resume", "run", "--kimg", "0.006", "--device", "cpu") == 2  # asked for by name, it has nothing to do
    assert "expected more than 0.006, where the run is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--resume auto", "--outdir is missing"),
        ("--resume nowhere", "'nowhere' does not exist"),
        ("--outdir run --patience 3", "--patience: counts snapshots without a better --metric, which is missing"),
        ("--outdir run --metric fid", "metric: found 'fid', but nothing watches this run; name what does by --metrics"),
        ("--outdir run --keep 0", "0 is not in the range x>=1"),
    ],
)
def test_control_that_makes_no_sense_exits_2_before_anything_is_made(place, capsys, words, line):
    assert run(*PICO, *words.split()) == 2
    assert line in capsys.readouterr().err
    assert not (place / "run").exists()


def test_numbers_that_always_fail_are_told_line_by_line_and_exit_2(place, capsys, monkeypatch):
    step = loop.train_batch
    monkeypatch.setattr(loop, "train_batch", lambda *given: step(*given) | {"loss_g": math.inf})
    words = [word for word in PICO if word != "--quiet"]
    assert run(*words, "--outdir", "run", "--batch", "2", "--kimg", "0.004") == 2
    out, err = capsys.readouterr()
    again = "blendgan: loss_g came to inf in batch 1: back to 0 kimg, and on with other random numbers"
    assert err.splitlines()[:3] == [again] * 3
    assert err.splitlines()[3].startswith(
        "blendgan: loss_g came to inf in batch 1; the run went back to 0 kimg 3 times"
    )
    assert len(err.splitlines()) == 4
    assert out == ""


def test_a_signal_saves_the_run_and_is_the_exit_code(place, capsys, monkeypatch):
    step = loop.train_batch
    monkeypatch.setattr(loop, "train_batch", lambda *given: (signal.raise_signal(signal.SIGTERM), step(*given))[1])
    events = stop_asked_before(monkeypatch)
    assert run(*AUTO, "--kimg", "0.004") == 143
    assert events == [True]
    assert load_state(place / "run", torch.device("cpu"))[0].batches == 1


def stop_asked_before(monkeypatch):
    """Have a Stop asked once before the first batch, as it is after every one: signals before that end at once."""
    asked = []
    make = signals.Stop.__init__

    def ask(self):
        make(self)
        asked.append(not self.requested())

    monkeypatch.setattr(signals.Stop, "__init__", ask)
    return asked
