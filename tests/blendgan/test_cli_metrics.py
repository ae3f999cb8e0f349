"""The wiring of `blendgan metrics`: table, JSON, and one line for what cannot be measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from blendgan.cli import main

QUICK = "--num 6 --batch 3 --device cpu --quiet".split()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pico) -> Path:
    """A working directory with two models, a folder of eight pictures, and an empty torch hub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    for seed, name in enumerate("ab"):
        pico(seed).save(tmp_path / f"{name}.safetensors")
    (tmp_path / "faces").mkdir()
    for i in range(8):
        Image.new("RGB", (20, 16), (30 * i, 100, 200 - 20 * i)).save(tmp_path / "faces" / f"{i}.png")
    return tmp_path


def run(*arguments: str) -> int:
    return main.run(["metrics", "--data", "faces", *QUICK, *arguments])


def test_several_models_and_a_folder_in_one_table(place: Path, capsys) -> None:
    assert run("a.safetensors", "b.safetensors", "--pictures", "faces") == 0
    out, err = capsys.readouterr()
    lines = [line.replace("│", " ").replace("┃", " ").split() for line in out.splitlines()]
    assert lines[0] == ["against", "faces"]
    heading = next(line for line in lines if line[:1] == ["of"])
    assert [word.split("/")[0] for word in heading[-4:]] == ["dfd", "dkd", "d-precision", "d-recall"]
    assert "fid" not in out.lower()
    rows = {line[0]: line for line in lines if line[:1] in (["a.safetensors"], ["b.safetensors"], ["faces"])}
    assert rows["a.safetensors"][1:6] == ["16", "px", "6", ":", "6"]
    assert rows["faces"][-2:] == ["1", "1"]
    assert err == ""


def test_json_says_all_that_a_figure_depends_on(place: Path, capsys) -> None:
    assert run("a.safetensors", "--metrics", "dfd,dppl-full", "--seed", "3", "--trunc", "0.7", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    mark = found["networks"]["discriminator"][:8]
    assert {key: found[key] for key in ("data", "num", "seed", "truncation_psi")} == {
        "data": "faces", "num": 6, "seed": 3, "truncation_psi": 0.7,
    }  # fmt: skip
    (row,) = found["rows"]
    assert list(row["figures"]) == [f"dfd/{mark}", f"dppl-full/{mark}"]
    assert all(figure > 0 for figure in row["figures"].values())


def test_the_discriminator_may_be_anothers(place: Path, capsys) -> None:
    from stylegan2.train import TrainingConfig
    from stylegan2.train.config import fresh_configs
    from stylegan2.train.snapshots import state_to_checkpoint
    from stylegan2.train.state import new_state

    g, d = fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    state_to_checkpoint(new_state(g, d, TrainingConfig(), torch.device("cpu")), {}).save(place / "own.safetensors")
    assert run("a.safetensors", "--discriminator", "own.safetensors", "--metrics", "dfd", "--json") == 0
    other = json.loads(capsys.readouterr().out)
    assert run("a.safetensors", "--metrics", "dfd", "--json") == 0
    shipped = json.loads(capsys.readouterr().out)
    assert list(other["rows"][0]["figures"]) != list(shipped["rows"][0]["figures"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "found no MODEL and no --pictures; give what is to be measured"),
        (["a.safetensors", "--metrics", "dfd,is"], "metrics: found 'is', expected some of fid, kid, precision, recall"),
        (["a.safetensors", "--metrics", "fid"], "found no Inception weights; fetch https://"),
        (["a.safetensors", "--inception", "faces/0.png"], "faces/0.png: its SHA-256 begins with"),
        (["a.safetensors", "--discriminator", "b.safetensors"], "b.safetensors: found no discriminator in the file"),
        (["--pictures", "hub"], "'hub' does not exist"),
        (["nowhere"], "nowhere: neither an existing file nor a shipped name"),
        (["a.safetensors", "--num", "4"], "4 is not in the range"),
        (["a.safetensors", "--trunc", "nan"], "'nan': expected a number"),
        (["a.safetensors", "--cache", "a.safetensors"], "a.safetensors: expected a cache of features or a new name"),
    ],
)
def test_what_cannot_be_measured_is_one_line(place: Path, capsys, words: list[str], line: str) -> None:
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


def test_too_few_real_pictures(place: Path, capsys) -> None:
    for i in range(4, 8):
        (place / "faces" / f"{i}.png").unlink()
    assert run("a.safetensors") == 2
    assert "metrics: found 4 pictures, expected at least 5 of each set; give more" in capsys.readouterr().err
