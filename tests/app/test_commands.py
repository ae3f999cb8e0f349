"""The command lines that pages show say all that their bytes depend on."""

from __future__ import annotations

import shlex

import pytest

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")

from app import commands
from app.commands import command, generate_command
from app.scene import Scene
from blendgan.explorer_options import ExplorerOptions, dumps, read
from blendgan.recipe import recipe_of
from blendgan.schedule import Sigmoid


def test_a_command_names_device_and_threads_where_they_are_not_the_usual(monkeypatch):
    monkeypatch.setattr(commands, "select_device", lambda name: "cpu")
    assert command(["grid"], ExplorerOptions()) == "blendgan grid"
    assert command(["grid"], ExplorerOptions(threads=2, device="cuda")) == "blendgan grid --threads 2 --device cuda"
    monkeypatch.setattr(commands, "select_device", lambda name: "cuda")
    assert command(["grid"], ExplorerOptions()) == "blendgan grid --device cpu"


def test_generate_has_the_whole_scene_in_one_line():
    scene = Scene("a b.pkl", "c.pkl", recipe_of(Sigmoid(16, 1.5, "high"), noise=0.5), (0, 1, 2, 9), 0.5, "none", 3)
    assert shlex.split(generate_command(scene, ExplorerOptions())) == [
        "blendgan", "generate",
        "--blend", "{base: a b.pkl, transfers: [c.pkl], schedule: 'sigmoid 16,1.5 high', noise: '0.5'}",
        "--seeds", "0-2,9", "--trunc", "0.5", "--noise-mode", "none", "--class", "3",
    ]  # fmt: skip


def test_options_go_through_an_argument():
    options = ExplorerOptions(("a.pkl", "b c.pkl", "ü.pkl"), 2, "cuda:1", 50)
    assert read([dumps(options)]) == options and read([]) == ExplorerOptions()
