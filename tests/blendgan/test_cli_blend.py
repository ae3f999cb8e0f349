"""The wiring of `blendgan blend`: files, exits, and the table that writes nothing."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from blendgan.blending import blend
from blendgan.cli import main
from blendgan.cli.schedules import SCHEDULE_HELP
from blendgan.images import read_metadata
from blendgan.recipe import recipe_of, to_json
from blendgan.recipe_schema import from_json
from blendgan.schedule import Sigmoid, Swap, Uniform
from blendgan.schedule_forms import OPTIONS
from stylegan2 import checkpoints, store
from stylegan2.checkpoints import Checkpoint


def child(pico, config=None) -> Checkpoint:
    """A model near pico(0), as one trained from it is."""
    base, other = (pico(seed) if config is None else pico(seed, config) for seed in (0, 1))
    tensors = {name: base.tensors[name] + 0.3 * other.tensors[name] for name in base.tensors}
    return replace(base, tensors=tensors)


@pytest.fixture
def pair(pico, tmp_path, monkeypatch) -> Path:
    """A working directory with two models, BASE a.safetensors and TRANSFER b.safetensors."""
    monkeypatch.chdir(tmp_path)
    pico(0).save(tmp_path / "a.safetensors")
    child(pico).save(tmp_path / "b.safetensors")
    return tmp_path


def run(*arguments: str) -> int:
    return main.run(["blend", *arguments])


def test_a_blend_and_its_preview_are_written_with_their_recipe(pair, pico, capsys):
    assert run("a.safetensors", "b.safetensors", "--sigmoid", "8,1", "--transfer-gives", "high", "--noise", "0.5") == 0
    assert capsys.readouterr().out == "wrote blend.safetensors and blend.png\n"
    written = checkpoints.load(pair / "blend.safetensors")
    expected = blend(pico(0), child(pico), Sigmoid(8, 1, "high"), noise=0.5)
    assert written.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(written.tensors[name], expected.tensors[name]) for name in expected.tensors)
    recipe = from_json(written.metadata["recipe"])
    assert (recipe.schedule, recipe.mapping, recipe.noise) == (Sigmoid(8, 1, "high"), "base", 0.5)
    assert [model.name for model in recipe.models] == ["a.safetensors", "b.safetensors"]
    assert from_json(json.loads(read_metadata(pair / "blend.png")["blendgan"])["recipe"]) == recipe


def test_the_preview_has_a_row_for_each_model_at_the_same_latents(pair):
    assert run("a.safetensors", "b.safetensors", "--swap-res", "2", "--noise", "base", "--seeds", "3,5", "--quiet") == 0
    with Image.open(pair / "blend.png") as sheet:
        right, bottom = sheet.size
        base, transfer, blended = (
            sheet.crop((right - 258, top, right, top + 128)) for top in (bottom - 388, bottom - 258, bottom - 128)
        )
    assert base.tobytes() == blended.tobytes()  # a swap below 4 px is all of BASE
    assert base.tobytes() != transfer.tobytes()


def test_the_same_command_gives_the_same_bytes(pair):
    for name in ("one.safetensors", "two.safetensors"):
        assert run("a.safetensors", "b.safetensors", "--alpha", "0.3", "--seeds", "0", "-o", f"new/{name}") == 0
    for ending in ("safetensors", "png"):
        assert (pair / f"new/one.{ending}").read_bytes() == (pair / f"new/two.{ending}").read_bytes()


def test_explain_prints_the_plan_and_writes_nothing(pair, capsys):
    before = sorted(os.listdir(pair))
    assert run("a.safetensors", "b.safetensors", "--table", "4=1,8=.5,16=0", "--explain") == 0
    lines = [line.strip("│ ").split("│") for line in capsys.readouterr().out.splitlines()]
    rows = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines if len(cells) == 4}
    assert rows["synthesis.b8.conv0.weight"] == ["8", "weight", "0.5"]
    assert rows["mapping.w_avg"] == ["-", "w-avg", "0"]
    assert sorted(os.listdir(pair)) == before


def test_an_existing_model_is_replaced_only_by_force(pair, capsys):
    (pair / "blend.safetensors").write_bytes(b"precious")
    assert run("a.safetensors", "b.safetensors", "--seeds", "0") == 2
    assert capsys.readouterr().err == (
        "blendgan: blend.safetensors: is there already; choose another name with -o, or replace it with --force\n"
    )
    assert (pair / "blend.safetensors").read_bytes() == b"precious"
    assert run("a.safetensors", "b.safetensors", "--seeds", "0", "--force") == 0
    assert from_json(checkpoints.load(pair / "blend.safetensors").metadata["recipe"]).schedule == Swap(16)


def test_without_a_schedule_transfer_recommends_one(pair, pico):
    recommended = {"recipe": to_json(recipe_of(Swap(8, "high"), noise=0.25))}
    replace(child(pico), metadata=recommended).save(pair / "c.safetensors")
    for arguments, schedule, noise in [
        ([], Swap(8, "high"), 0.25),
        (["--transfer-gives", "low"], Swap(8, "low"), 0.25),
        (["--alpha", "0.5", "--noise", "transfer"], Uniform(0.5), "transfer"),
    ]:
        assert run("a.safetensors", "c.safetensors", "--seeds", "0", "--force", *arguments) == 0
        recipe = from_json(checkpoints.load(pair / "blend.safetensors").metadata["recipe"])
        assert (recipe.schedule, recipe.noise) == (schedule, noise)


def test_without_models_it_is_the_shipped_pair(pair, monkeypatch):
    files = {"portraits": pair / "a.safetensors", "paintings": pair / "b.safetensors"}
    monkeypatch.setattr(store, "resolve", lambda name: files[name])
    assert run("--swap-res", "4", "--seeds", "0") == 0
    recipe = from_json(checkpoints.load(pair / "blend.safetensors").metadata["recipe"])
    assert [model.name for model in recipe.models] == ["portraits", "paintings"]


def test_a_model_with_classes_is_drawn_in_one(pico, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = replace(pico(0).config, num_classes=3)
    pico(0, config).save(tmp_path / "a.safetensors")
    child(pico, config).save(tmp_path / "b.safetensors")
    assert run("a.safetensors", "b.safetensors", "--seeds", "0") == 0
    assert run("a.safetensors", "b.safetensors", "--seeds", "0", "--class", "7", "-o", "c.safetensors") == 2
    assert "class 7: this model has 3 classes" in capsys.readouterr().err
    assert not (tmp_path / "c.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["a.safetensors"], "models: found 1, expected BASE and TRANSFER, or none for the shipped pair"),
        (
            ["a.safetensors", "b.safetensors", "--alpha", ".3", "--swap-res", "8"],
            "--alpha and --swap-res are given; choose one",
        ),
        (
            ["a.safetensors", "b.safetensors", "--alpha", ".3", "--transfer-gives", "low"],
            "--transfer-gives low: goes with",
        ),
        (["a.safetensors", "b.safetensors", "--transfer-gives", "up"], "'up' is not one of"),
        (["a.safetensors", "b.safetensors", "--alpha", "2"], "alpha: found 2.0, expected a share of TRANSFER"),
        (["a.safetensors", "b.safetensors", "--noise", "x"], "noise: found 'x', expected base, transfer, or a share"),
        (["a.safetensors", "b.safetensors", "-o", "x.pkl"], "x.pkl: found the ending '.pkl', expected .safetensors"),
        (["a.safetensors", "nobody"], "nobody: neither an existing file nor a shipped name"),
        (["a.safetensors", "notes.txt"], "notes.txt"),
    ],
)
def test_what_cannot_be_done_is_one_plain_error(pair, capsys, arguments, part):
    (pair / "notes.txt").write_text("no model", encoding="utf-8")
    assert run(*arguments) == 2
    assert part in capsys.readouterr().err
    assert not (pair / "blend.safetensors").exists()


def test_every_form_of_schedule_has_an_option():
    assert tuple(SCHEDULE_HELP) == OPTIONS


# ---- several models ---------------------------------------------------------------------------------------------


@pytest.fixture
def three(pair, pico) -> Path:
    """The same folder, and a second TRANSFER c.safetensors."""
    base, other = pico(0), pico(2)
    tensors = {name: base.tensors[name] - 0.2 * other.tensors[name] for name in base.tensors}
    replace(base, tensors=tensors).save(pair / "c.safetensors")
    return pair


def test_several_transfers_are_weighted(three):
    words = ["a.safetensors", "b.safetensors", "c.safetensors", "--weights", "0.5,0.3", "--seeds", "0"]
    assert run(*words) == 0
    a, b, c, blended = (checkpoints.load(three / f"{name}.safetensors").tensors for name in ("a", "b", "c", "blend"))
    name = "synthesis.b8.conv1.weight"
    x, y, z = (tensors[name].double() for tensors in (a, b, c))
    expected = x + (0.5 * (y - x) + 0.3 * (z - x))
    torch.testing.assert_close(blended[name].double(), expected, rtol=0, atol=1e-6)
    assert torch.equal(blended["mapping.fc0.weight"], a["mapping.fc0.weight"])
    with Image.open(three / "blend.png") as sheet:
        assert sheet.height > 4 * 128  # BASE, two TRANSFERs, the blend


def test_the_order_of_the_transfers_changes_no_tensor(three):
    for order, weights, name in (("bc", "0.5,0.3", "one"), ("cb", "0.3,0.5", "two")):
        models = ["a.safetensors", *(f"{letter}.safetensors" for letter in order)]
        assert run(*models, "--weights", weights, "--mapping", "0.5", "--no-preview", "-o", f"{name}.safetensors") == 0
    one, two = (checkpoints.load(three / f"{name}.safetensors").tensors for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "--weights is missing: say how much of each of the 2 TRANSFERs, such as 0.5,0.3"),
        (["--weights", "0.5"], "--weights: found 1, expected 2, one for each TRANSFER"),
        (["--weights", "0.5,x"], "--weights: found '0.5,x', expected numbers such as 0.5,0.3"),
        (["--weights", "0.8,0.3"], "weights: found 0.8, 0.3, expected numbers of at least 0 with a sum of at most 1"),
        (["--weights", ""], "--weights: found '', expected numbers"),
        (["--weights", "0.5,0.3", "--channels", "ramp"], "channels: found 'ramp', expected"),
        (["--weights", "0.5,0.3", "--json"], "--json goes with --explain"),
        (["--recipe", "r.yaml", "--weights", "1,0"], "--recipe says all of the blend; leave out --weights"),
    ],
)
def test_words_for_several_models_are_checked(three, capsys, arguments, part):
    (three / "r.yaml").write_text("schedule: alpha 1\n")
    before = sorted(os.listdir(three))
    assert run("a.safetensors", "b.safetensors", "c.safetensors", *arguments) == 2
    error = capsys.readouterr().err
    assert part in error
    assert len(error.splitlines()) == 1
    assert sorted(os.listdir(three)) == before


def test_task_vectors_may_have_any_weight(three):
    words = ["a.safetensors", "b.safetensors", "--weights", "-0.5", "--alpha", "1", "--task-vectors", "--no-preview"]
    assert run(*words) == 0
    a, b, blended = (checkpoints.load(three / f"{name}.safetensors").tensors for name in ("a", "b", "blend"))
    name = "synthesis.b8.conv1.weight"
    torch.testing.assert_close(blended[name], a[name] - 0.5 * (b[name] - a[name]), rtol=0, atol=1e-5)


def test_the_plan_as_json_has_every_share(three, capsys):
    words = ["a.safetensors", "b.safetensors", "c.safetensors", "--weights", "0.5,0.3", "--channels", "ramp:0,1"]
    assert run(*words, "--explain", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    rows = {row["tensor"]: row for row in said["plan"]}
    row = rows["synthesis.b8.conv1.bias"]
    assert row["channel_axis"] == 0
    assert row["alphas"] == [pytest.approx([w * i / 5 for i in range(6)]) for w in (0.5, 0.3)]
    assert [transfer["weight"] for transfer in said["recipe"]["transfers"]] == [0.5, 0.3]
    assert not (three / "blend.safetensors").exists()


def test_unrelated_models_are_blended_only_by_force(pair, pico, capsys):
    pico(5).save(pair / "stranger.safetensors")
    words = ["a.safetensors", "stranger.safetensors", "--alpha", "0.5", "--no-preview"]
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert "stranger.safetensors" in error
    assert "--force" in error
    assert not (pair / "blend.safetensors").exists()
    assert run(*words, "--force") == 0


def test_no_model_is_written_over_by_its_blend(pair, capsys):
    before = (pair / "a.safetensors").read_bytes()
    words = ["a.safetensors", "b.safetensors", "--alpha", "0.5", "--force", "-o", "./a.safetensors"]
    assert run(*words) == 2
    assert "a.safetensors: is one of the models that are blended" in capsys.readouterr().err
    assert (pair / "a.safetensors").read_bytes() == before
