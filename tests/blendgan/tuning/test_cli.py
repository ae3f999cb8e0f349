"""The commands of `blendgan tune`: wiring, what is printed, exit codes, one line for every error."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap

import click
import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from blendgan.cli import main, tune

LONGEST_BODY = 15  # lines, as of all commands
SMALL = ["--steps", "2", "--batch", "2", "--patch", "16"]


@pytest.fixture
def folder(tmp_path, monkeypatch, states, clean):
    """The working directory, with main.safetensors and photo.png."""
    monkeypatch.chdir(tmp_path)
    save_file(states("residual"), "main.safetensors")
    (tmp_path / "photo.png").write_bytes((clean / "0.png").read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", tune.COMMANDS)
def test_a_command_is_a_short_function(name):
    command = getattr(importlib.import_module(f"blendgan.cli.tune_{name}"), name)
    _, *body = ast.parse(textwrap.dedent(inspect.getsource(command.callback))).body[0].body
    lines = [node.end_lineno - node.lineno + 1 for node in body if not isinstance(node, ast.ImportFrom)]
    assert isinstance(command, click.Command)
    assert sum(lines) <= LONGEST_BODY


@pytest.mark.parametrize("name", tune.COMMANDS)
def test_every_command_has_an_example_to_copy(name, capsys):
    assert main.run(["tune", name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"\n    blendgan tune {name}" in out
    assert "--debug" in out


@pytest.mark.parametrize("method", ["ftn", "adafm", "cfsnet", "dynamic", "dni"])
def test_train_and_run(folder, clean, capsys, method):
    words = ["tune", "train", "main.safetensors", "--method", method, "--images", str(clean), "--noise", "20,80"]
    assert main.run([*words, *SMALL]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"wrote {method}-main.safetensors: {method}")
    assert out[1].startswith("at noise 80 the last batches have ")
    assert "G multiply-adds" in out[2]
    tuned = f"{method}-main.safetensors"
    assert main.run(["tune", "run", "main.safetensors", tuned, "photo.png", "--sweep", "0,1"]) == 0
    assert capsys.readouterr().out.splitlines() == ["photo.tuned-0.000.png", "photo.tuned-1.000.png"]
    assert main.run(["dni", "run", "main.safetensors", "photo.png", "-o", "plain.png", "--quiet"]) == 0
    plain, first, second = (
        np.asarray(Image.open(name)) for name in ("plain.png", "photo.tuned-0.000.png", "photo.tuned-1.000.png")
    )
    assert np.array_equal(plain, first)
    assert not np.array_equal(first, second)
    assert main.run(["tune", "run", "main.safetensors", tuned, "photo.png", "--map", "photo.png", "-o", "m.png"]) == 0
    with Image.open("m.png") as drawn:
        assert drawn.size == (40, 32)


def test_main(folder, clean, capsys):
    words = ["tune", "main", "--images", str(clean), "--noise", "20", "--width", "4", "--blocks", "1", *SMALL]
    assert main.run([*words, "-o", "new.safetensors"]) == 0
    assert capsys.readouterr().out.startswith("wrote new.safetensors: 1,407 parameters\n")
    assert load_file("new.safetensors")["blocks.0.conv1.weight"].shape == (4, 4, 3, 3)
    assert main.run(words) == 2
    assert "main.safetensors: is there already; replace it with --force" in capsys.readouterr().err
    assert main.run([*words[:4], *words[6:]]) == 2
    assert "--noise: expected one level, of 255: --noise 20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--noise", "20"], "noise: found 20, expected two levels: the main network's and the second one, 20,80"),
        ([], "noise: found none, expected two levels"),
        (["--noise", "20,80", "--groups", "0"], "groups: found 0, expected a number from 1"),
        (["--noise", "20,80", "--method", "dni", "--groups", "4"], "--groups is an option of --method ftn, found"),
        (["--noise", "20,80", "--patch", "17"], "patch: found 17 px, expected a multiple of 2 px"),
        (["--noise", "20,80", "--patch", "512"], "found no picture of at least 512 px a side"),
        (["--noise", "20,80", "--rate", "0"], "rate: found 0, expected a learning rate above 0"),
        (["--noise", "20,800"], "noise: found 800, expected a standard deviation from 0 to 255"),
        (["--noise", "20,80", "-o", "main.safetensors", "--force"], "main.safetensors: is the main network itself"),
    ],
)
def test_what_cannot_be_trained(folder, clean, capsys, words, line):
    assert main.run(["tune", "train", "main.safetensors", "--images", str(clean), *words]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_what_cannot_be_run(folder, clean, states, capsys):
    save_file(states("residual", 1), "other.safetensors")
    train = ["tune", "train", "main.safetensors", "--images", str(clean), "--noise", "20,80", "-o", "t.safetensors"]
    assert main.run([*train, *SMALL, "--quiet"]) == 0
    Image.new("L", (10, 40)).save("narrow.png")
    for words, line in (
        (["other.safetensors", "t.safetensors", "photo.png", "--alpha", "1"], "was trained for the main network"),
        (["main.safetensors", "other.safetensors", "photo.png", "--alpha", "1"], "other.safetensors: no tuning"),
        (["main.safetensors", "t.safetensors", "photo.png", "--map", "narrow.png"], "found a mask of 10 x 40 px"),
        (["main.safetensors", "t.safetensors", "photo.png", "--alpha", "2"], "alpha: found 2, expected"),
        (["main.safetensors", "t.safetensors", "photo.png"], "alpha: found none, expected --alpha 0.5"),
        (["main.safetensors", "t.safetensors", "none.png", "--alpha", "1"], "none.png: no such file"),
    ):
        assert main.run(["tune", "run", *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert line in err
    assert not list(folder.glob("*tuned*"))


def test_a_shipped_network(tmp_path, monkeypatch, clean, capsys):
    monkeypatch.chdir(tmp_path)
    train = ["tune", "train", "denoise-20", "--images", str(clean), "--noise", "20,60", "--groups", "4", *SMALL]
    assert main.run(train) == 0
    assert "for denoise-20" in capsys.readouterr().out
    photo = str(clean / "1.png")
    assert (
        main.run(["tune", "run", "denoise-20", "ftn-denoise-20.safetensors", photo, "--alpha", "0", "-o", "a.png"]) == 0
    )
    assert main.run(["dni", "run", "denoise-20", photo, "-o", "b.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("a.png")), np.asarray(Image.open("b.png")))
