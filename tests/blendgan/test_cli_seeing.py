"""The wiring of grid, mix, walk, morph and directions: files, what they say of themselves, exits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from blendgan.axes import AXES, FORMS, parse_axis
from blendgan.cli import main
from blendgan.cli.options import Seeds
from blendgan.images import read_metadata
from blendgan.papers import METADATA_KEY
from blendgan.schedule import Sigmoid, Swap
from stylegan2.checkpoints import fingerprint


@pytest.fixture
def lively(pico):
    """As `pico`, but its seeds differ: random numbers times the usual multiplier, 0.01, would map all z to one w."""
    return lambda seed: pico(seed, config=dataclasses.replace(pico().config, lr_multiplier=1.0))


@pytest.fixture
def pair(lively, tmp_path, monkeypatch) -> Path:
    """A working directory with two models in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    lively(0).save(tmp_path / "models" / "a.safetensors")
    lively(1).save(tmp_path / "models" / "b.safetensors")
    return tmp_path


MODELS = ("models/a.safetensors", "models/b.safetensors")
NETWORK = ("--network", MODELS[0])


def said(path: Path) -> dict:
    return json.loads(read_metadata(path)[METADATA_KEY])


def test_a_grid_with_drift(pair, lively, capsys):
    words = ["grid", *MODELS, "--x", "seeds=0,3", "--y", "alpha=0,1", "--drift", "--trunc", "0.5"]
    assert main.run(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "grid.png"
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in lines if line.startswith("│")]
    assert rows[1] == ["alpha 0", "0.00", "0.00"]
    assert float(rows[2][1]) > 1
    told = said(pair / "grid.png")
    assert (told["command"], told["truncation_psi"], told["x"]) == ("grid", 0.5, "seeds=0,3")
    assert told["models"][1] == {"name": "b.safetensors", "fingerprint": fingerprint(lively(1))}
    assert "models/" not in json.dumps(told)
    with Image.open(pair / "grid.png") as sheet:
        assert sheet.height == 28 + 2 * 128 + 2


def test_matching_changes_the_sheet(pair, capsys):
    words = ["grid", *MODELS, "--x", "seeds=0,3", "--y", "alpha=0,1", "--drift", "--match-colour", "-o", "matched.png"]
    assert main.run(words) == 0
    last = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-3].strip("│ ").split("│")]
    assert float(last[2]) < float(last[1])


@pytest.mark.parametrize(
    "words",
    [
        ["grid", *MODELS, "--x", "swap-res=4,8", "--y", "alpha=0.5", "-o"],
        ["mix", *NETWORK, "--rows", "0", "--cols", "1,2", "--layers", "0-2", "-o"],
        ["directions", *NETWORK, "--count", "2", "--seeds", "0", "-o", "d.safetensors", "--force", "--sheet"],
    ],
    ids=lambda words: words[0],
)
def test_sheets_are_the_same_twice_and_can_be_silent(pair, capsys, words):
    for name in ("one.png", "two.png"):
        assert main.run([*words, name, "--quiet"]) == 0
    assert main.run([*words, "plain.png", "--no-metadata", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert (pair / "one.png").read_bytes() == (pair / "two.png").read_bytes()
    assert said(pair / "one.png")["command"] == words[0]
    assert read_metadata(pair / "plain.png") == {}


@pytest.mark.parametrize(
    "words", [["walk", *NETWORK, "--seeds", "0,1"], ["morph", *MODELS, "--seeds", "0"]], ids=lambda words: words[0]
)
def test_films(pair, capsys, words):
    assert main.run([*words, "--frames", "4", "--fps", "10", "-o", "film.gif"]) == 0
    assert capsys.readouterr().out == "film.gif\n"
    with Image.open(pair / "film.gif") as film:
        told = json.loads(film.info["comment"])
        assert film.n_frames == 4
    assert (told["command"], told["frames"], told["models"][0]["name"]) == (words[0], 4, "a.safetensors")
    assert main.run([*words, "--frames", "4", "-o", "plain.gif", "--no-metadata", "--quiet"]) == 0
    with Image.open(pair / "plain.gif") as film:
        assert "comment" not in film.info


def test_the_mean_w_recomputed_changes_the_picture(pair):
    words = ["mix", *NETWORK, "--rows", "0", "--cols", "1", "--no-metadata", "--trunc", "0.3", "-o"]
    assert main.run([*words, "stored.png"]) == 0
    assert main.run([*words, "anew.png", "--recompute-w-avg"]) == 0
    assert (pair / "stored.png").read_bytes() != (pair / "anew.png").read_bytes()


def test_directions_print_their_eigenvalues_and_are_kept(pair, capsys):
    words = ["directions", *NETWORK, "--count", "3", "--layers", "0-2"]
    assert main.run(words) == 0
    out = capsys.readouterr().out
    assert out.endswith("directions.safetensors\n")
    assert sum(line.startswith("│") for line in out.splitlines()) == 4
    assert main.run(words) == 2
    assert capsys.readouterr().err == (
        "blendgan: directions.safetensors: is there already; choose another name, or replace it with --force\n"
    )


def test_as_many_seeds_as_there_may_be():
    assert Seeds().convert("99999,0-99998", None, None) == (99999, *range(99999))


def test_axes_are_those_of_the_sheet_and_their_examples_are_read():
    assert tuple(FORMS) == AXES
    for name, example in FORMS.items():
        found = parse_axis(f"{name}={example}")
        assert len(found.captions) == len(found.values) == len(set(found.captions))
    assert parse_axis("seeds=2,5-6").values == (2, 5, 6)
    schedules = parse_axis("schedules= swap-res 16 ;sigmoid 16,1.5 high")
    assert schedules.values == (Swap(16), Sigmoid(16, 1.5, "high"))
    assert schedules.captions == ("swap-res 16", "sigmoid 16,1.5 high")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grid", "--x", "colour=1"], "'colour=1' is no axis; expected one of swap-res=4,8,16,32"),
        (["grid", "--x", "alpha=0,x"], "found no numbers; expected a form such as alpha=0,0.25,0.5,1"),
        (["grid", "--x", "alpha=0,0.0"], "a value is there twice; give each once"),
        (["grid", "--x", "alpha=2"], "alpha: found 2.0, expected a share of TRANSFER between 0 and 1"),
        (["grid", "--x", "schedules=swop 3"], "schedule: found 'swop 3', expected one of swap-res, sigmoid"),
        (["grid", "--y", "transfer-gives=up"], "transfer-gives: found 'up', expected low or high"),
        (["grid", "portraits"], "models: found 1, expected BASE and TRANSFER"),
        (["mix", *NETWORK, "--layers", "0-9"], "layers: found 6, 7, 8, 9; this model has style layers 0 … 5"),
        (["mix", *NETWORK, "--layers", "9" * 5000], "are no layers; expected numbers and ranges such as 0-3,6"),
        (["walk", *NETWORK, "--seeds", "9" * 5000], "is no seed; expected numbers and ranges such as 0-35,50"),
        (["walk", *NETWORK, "--seeds", "7,0-99999"], "found 100001 seeds, expected at most 100000"),
        (["walk", *NETWORK, "--seeds", "0-4294967295"], "found 4294967296 seeds, expected at most 100000"),
        (["mix", *NETWORK, "--layers", "0-999999999"], "are no layers; expected numbers and ranges such as 0-3,6"),
        (["walk", *NETWORK, "--seeds", "1"], "walk: found 1 seeds and 120 frames, expected two or more of each"),
        (["walk", *NETWORK, "-o", "film.avi"], "film.avi: found the ending '.avi', expected one of .mp4, .webp, .gif"),
        (["morph", *MODELS, "-o", "film"], "film: found the ending '', expected one of .mp4, .webp, .gif"),
        (["directions", *NETWORK, "-o", "d.npz"], "d.npz: found the ending '.npz', expected .safetensors"),
        (["mix", *NETWORK, "--class", "1"], "class 1: this model has no classes; leave the class out"),
    ],
)
def test_bad_input_is_exit_2_and_leaves_nothing(pair, capsys, words, message):
    assert main.run(words) == 2
    assert message in capsys.readouterr().err
    assert [file.name for file in pair.iterdir()] == ["models"]
