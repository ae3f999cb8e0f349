"""The commands of `blendgan dni`: wiring, what is printed, exit codes, one line for every error."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import textwrap

import click
import pytest
import torch
from PIL import Image

from blendgan.cli import dni, main
from blendgan.dni import interpolate

LONGEST_BODY = 15  # lines, as of all commands


@pytest.fixture
def files(tmp_path, monkeypatch, network):
    """Three networks in the working directory: a.pth, b.pth, c.pt; c in the older format."""
    monkeypatch.chdir(tmp_path)
    torch.save(network(0), "a.pth")
    torch.save({"params": network(1), "epoch": 2}, "b.pth")
    torch.save(network(2), "c.pt", _use_new_zipfile_serialization=False)
    return tmp_path


def test_blend(files, network, same, capsys):
    assert main.run(["dni", "blend", "a.pth", "b.pth", "--alpha", "0.3"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "wrote a-b-0.3.pth: 8 tensors, 0.7 a.pth, 0.3 b.pth"
    assert out[2] == "left out: epoch of b.pth"
    assert same(torch.load("a-b-0.3.pth", weights_only=True), interpolate([network(0), network(1)], (0.7, 0.3)))
    assert main.run(["dni", "blend", "a.pth", "b.pth", "--alpha", "0.3"]) == 2
    assert "a-b-0.3.pth: is there already" in capsys.readouterr().err
    assert main.run(["dni", "blend", "a.pth", "b.pth", "--alpha", "1", "-o", "a-b-0.3.pth", "--force", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert same(torch.load("a-b-0.3.pth", weights_only=True), network(1))


def test_blend_many(files, network, same, capsys):
    words = ["dni", "blend", "a.pth", "b.pth", "c.pt", "--weights", ".5,.3,.2", "--integers", "round", "-o", "new/m.pt"]
    assert main.run(words) == 0
    expected = interpolate([network(0), network(1), network(2)], (0.5, 0.3, 0.2), integers="round")
    assert same(torch.load("new/m.pt", weights_only=True), expected)
    assert "1 of them is an integer: the mean, rounded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a.pth", "b.pth"], "shares: found none for 2 networks; give --alpha 0.3 (B's share), or --weights .5,.3,.2"),
        (["a.pth", "none.pth", "--alpha", ".5"], "none.pth: neither an existing file nor a shipped name"),
        (["a.pth", "page.pth", "--alpha", ".5"], "page.pth: a web page, not a model"),
        (["a.pth", "other.pth", "--alpha", ".5"], "conv.weight: missing in other.pth, expected as a.pth has it"),
        (["a.pth", "b.pth", "--alpha", ".5", "-o", "a.pth", "--force"], "a.pth: is one of the networks that are mixed"),
        (["a.pth", "b.pth", "--alpha", ".5", "--integers", "same"], "norm.num_batches_tracked: found 100 and 101"),
        (["a.pth", "b.pth", "--weights", "a,b"], "--weights: found 'a,b', expected numbers with commas between"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(files, capsys, words, line):
    (files / "page.pth").write_bytes(b"<html>")
    torch.save({"other.weight": torch.ones(3, 3)}, "other.pth")
    before = sorted(files.iterdir())
    assert main.run(["dni", "blend", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"blendgan: {line}")
    assert sorted(files.iterdir()) == before


def test_correlation(files, capsys):
    assert main.run(["dni", "correlation", "a.pth", "a.pth", "c.pt", "--plot", "index.png"]) == 0
    out = capsys.readouterr().out
    assert "a.pth: akin: index 1.000, 0.689 and more" in out
    assert "--images DIR" in out
    with Image.open("index.png") as picture:
        assert picture.size == (720, 400)
    assert main.run(["dni", "correlation", "a.pth", "a.pth", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["reading"] == "akin"
    assert main.run(["dni", "correlation", "a.pth"]) == 2
    assert "found 1 network, expected two or more" in capsys.readouterr().err


@pytest.mark.parametrize("name", dni.COMMANDS)
def test_every_command_has_an_example_and_is_short(name, capsys):
    assert main.run(["dni", name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"\n    blendgan dni {name} " in out
    assert "--debug" in out
    command = getattr(importlib.import_module(f"blendgan.cli.dni_{name}"), name)
    assert isinstance(command, click.Command)
    _, *body = ast.parse(textwrap.dedent(inspect.getsource(command.callback))).body[0].body
    lines = [node.end_lineno - node.lineno + 1 for node in body if not isinstance(node, ast.ImportFrom)]
    assert sum(lines) <= LONGEST_BODY


def test_the_group_lists_its_commands_and_refuses_others(capsys):
    assert main.run(["dni", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in dni.COMMANDS)
    assert main.run(["dni", "nonsense"]) == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err
