"""Recipes in YAML, in models and in pictures: read back as they were, and refused with the line that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from PIL import Image

from blendgan.blending import blend, preset
from blendgan.cli import main
from blendgan.images import write_png
from blendgan.papers import METADATA_KEY
from blendgan.recipe import KEY, Model, Recipe, Transfer, dumps, recipe_of, to_json
from blendgan.recipe_files import dumps_yaml, find_recipe, read_recipe, ready_recipes
from blendgan.recipe_schema import from_json
from blendgan.schedule import Layers, Swap, Table, Uniform
from blendgan.sources import open_source
from stylegan2 import checkpoints, store
from stylegan2.checkpoints import fingerprint
from stylegan2.errors import RecipeError

RECIPE = Recipe((Transfer(Table({4: 1, 8: 0.25}), 0.5, model=Model("b.pkl", "07")),), noise=0.5, base=Model("ä.pkl"))


def test_yaml_is_read_as_it_was_written(tmp_path):
    (tmp_path / "r.yaml").write_text(dumps_yaml(RECIPE), encoding="utf-8")
    assert read_recipe(tmp_path / "r.yaml") == RECIPE
    (tmp_path / "r.json").write_text(dumps(RECIPE), encoding="utf-8")
    assert read_recipe(tmp_path / "r.json") == RECIPE


def test_a_text_that_begins_with_a_brace_is_the_recipe_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "{schedule: {kind: table, alphas: {4: 1, 8: 0.25}}, mapping: 0.5}"
    assert read_recipe(text) == read_recipe(f" {text}") == Recipe((Transfer(Table({4: 1, 8: 0.25})),), mapping=0.5)
    assert read_recipe("{schedule: alpha 0.5}") == recipe_of(Uniform(0.5))
    assert read_recipe(dumps(RECIPE)) == RECIPE  # JSON is YAML
    (tmp_path / text).write_text("schedule: alpha 0.5\n")
    with pytest.raises(RecipeError, match="found the ending"):  # a file of that very name is a file
        read_recipe(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{schedule: {kind: swap, resolution: 15}}", "recipe, line 1: schedule.resolution: found 15, expected a power"),
        ("{schedule: alpha 1, schedule: alpha 0}", "recipe, line 1: found the key schedule again (first in line 1)"),
        ("{schedule: [", "recipe, line 1: not YAML ("),
        ("{}", "recipe, line 1: recipe: found no schedule"),
        ("{x: &a 1, y: *a}", "recipe, line 1: found an alias, expected it written out"),
        ("{" * 5000, "recipe: nested too deeply"),
        ("{" + " " * (1 << 20), "recipe: found 1048577 bytes, expected a recipe of at most 1048576"),
    ],
)
def test_a_mistake_in_a_text_is_told(text, message):
    with pytest.raises(RecipeError) as caught:
        read_recipe(text)
    assert str(caught.value)[: len(message)] == message


def test_a_recipe_without_a_file_on_the_command_line(tmp_path, pico, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    text = "{base: .//0.safetensors, transfers: [1.safetensors], schedule: swap-res 8, noise: 0.5}"
    (tmp_path / "r.yaml").write_text(text)
    for recipe, folder in ((text, "text"), ("r.yaml", "file")):
        words = ["generate", "--blend", recipe, "--seeds", "0", "--no-metadata", "--outdir", folder, "--quiet"]
        assert main.run(words) == 0
        assert main.run(["blend", "--recipe", recipe, "--no-preview", "--force", "-o", f"{folder}.safetensors"]) == 0
    assert (tmp_path / "text/seed0000.png").read_bytes() == (tmp_path / "file/seed0000.png").read_bytes()
    assert (tmp_path / "text.safetensors").read_bytes() == (tmp_path / "file.safetensors").read_bytes()


def test_a_model_and_a_picture_carry_one(tmp_path, pico):
    made = blend(pico(0), pico(1), Swap(8))
    made.save(tmp_path / "m.safetensors")
    expected = from_json(made.metadata[KEY])
    assert expected.schedule == Swap(8)
    assert read_recipe(tmp_path / "m.safetensors") == expected
    picture = Image.new("RGB", (4, 4))
    write_png(tmp_path / "face.png", picture, {METADATA_KEY: json.dumps({"seed": 1, KEY: to_json(expected)})})
    assert read_recipe(tmp_path / "face.png") == expected
    picture.save(tmp_path / "toon.jpg")
    (tmp_path / "toon.json").write_text(json.dumps({METADATA_KEY: json.dumps({KEY: to_json(expected)})}))
    assert read_recipe(tmp_path / "toon.jpg") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schedule:\n  kind: swap\n  resolution: 15\n", ", line 3: schedule.resolution: found 15, expected a power"),
        (
            "base: a\ntransfers:\n- model: b\n  wieght: 2\n",
            ", line 4: transfers[0].wieght: unknown key, expected weight",
        ),
        ("schedule: {kind: swap}\nnoise: maybe\n", ", line 1: schedule: the key resolution is missing"),
        ("schedule: swap-res 16\n\n\nnoise: maybe\n", ", line 4: noise: found 'maybe', expected base, transfer"),
        ("schedule: swap-res 16\nschedule: alpha 1\n", ", line 2: found the key schedule again (first in line 1)"),
        ("x: &a 1\ny: *a\n", ", line 2: found an alias, expected it written out"),
        ("schedule: [\n", ", line 2: not YAML ("),
        ("", ", line 1: recipe: found nothing"),
        ("!!python/object/apply:os.system ['touch hacked']\n", ", line 1: not YAML (could not determine a constructor"),
        ("[" * 5000, ": nested too deeply"),
        ("mapping: 2024-13-45\n", ": a value that YAML cannot read"),
        ("mapping: !!int abc\n", ": a value that YAML cannot read"),
        ("? [a, b]\n: 2\n", ", line 1: found a list or mapping as a key, expected a word"),
        ("schedule: alpha 1\ntransfers:\n- fingerprint: abc\n", ", line 3: transfers[0].model: found a fingerprint"),
        ("schedule: alpha 1\ntransfers:\n- model: a\n  weight: .nan\n", ", line 4: transfers[0].weight: found nan"),
        ("schedule: alpha 1\nchannels: 5\n", ", line 2: channels: kind: found 5, expected one of ramp"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "r.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(file)
    assert str(caught.value)[: len(str(file) + message)] == f"{file}{message}"
    assert not (tmp_path / "hacked").exists()


def test_a_mask_is_found_beside_the_recipe_and_pinned(tmp_path, pico, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    (tmp_path / "there").mkdir()
    Image.linear_gradient("L").save(tmp_path / "there/mask.png")
    channels = "channels: {kind: region, mask: mask.png, share: 0.5}"
    (tmp_path / "there/r.yaml").write_text(f"schedule: alpha 1\n{channels}\n")
    words = ["blend", "0.safetensors", "1.safetensors", "--force", "--no-preview"]
    assert main.run([*words, "--recipe", "there/r.yaml", "-o", "a.safetensors"]) == 0
    pin = read_recipe("a.safetensors").transfers[0].channels.sha256
    assert len(pin) == 64
    again = ["blend", "--recipe", "a.safetensors", "--force", "--no-preview", "-o", "b.safetensors"]
    assert main.run(again) == 0
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    Image.linear_gradient("L").rotate(90).save(tmp_path / "there/mask.png")
    assert main.run(again) == 2
    assert f"expected {pin}, which the recipe pins" in capsys.readouterr().err


def test_explain_checks_the_pins(tmp_path, pico, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    blend("0.safetensors", "1.safetensors", Swap(8)).save("a.safetensors")
    pico(2).save("1.safetensors", replace=True)
    assert main.run(["blend", "--recipe", "a.safetensors", "--explain"]) == 2
    assert "which the recipe pins" in capsys.readouterr().err


def test_files_without_a_recipe_say_so(tmp_path, pico):
    pico(0).save(tmp_path / "m.safetensors")
    write_png(tmp_path / "p.png", Image.new("RGB", (4, 4)))
    write_png(tmp_path / "bad.png", Image.new("RGB", (4, 4)), {METADATA_KEY: "{"})
    write_png(tmp_path / "odd.png", Image.new("RGB", (4, 4)), {METADATA_KEY: json.dumps({KEY: {"schedule": 3}})})
    (tmp_path / "latin.yaml").write_bytes(b"base: \xe4")
    for name, message in (
        ("m.safetensors", "this model carries no recipe"),
        ("p.png", "this picture carries no recipe"),
        ("bad.png", "is no JSON"),
        ("odd.png", "its recipe is damaged: schedule: found 3, expected a mapping"),
        ("latin.yaml", "not UTF-8 text"),
        ("none.yaml", "no such file"),
    ):
        with pytest.raises(RecipeError, match=message):
            read_recipe(tmp_path / name)


def test_what_is_no_recipe_is_told_what_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("photo.jpg", "photo.bmp"):
        (tmp_path / name).write_bytes(b"\xff\xd8")
    expected = (
        "expected a recipe (.yaml), or a blended model (.safetensors) or picture (.png, or .jpg with its .json) that "
        "carries one"
    )
    names = ", or the name of a shipped model or of a ready recipe (cartoon-strong, "
    for name, message in (
        ("folder", f"folder: a folder; {expected}{names}"),
        ("nowhere", f"nowhere: no such file; {expected}{names}"),
        (
            "photo.jpg",
            "photo.jpg: this picture carries no recipe; expected one of a blended model, with its metadata, in ",
        ),
        ("photo.bmp", f"photo.bmp: found the ending '.bmp', {expected}"),
    ):
        with pytest.raises(RecipeError) as caught:
            read_recipe(name)
        assert str(caught.value).startswith(message)


def test_a_shipped_model_is_found_by_name_but_a_file_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paintings").mkdir()  # a folder of pictures
    assert find_recipe("paintings") == store.resolve("paintings")
    recommended = checkpoints.load(store.resolve("paintings")).metadata[KEY]
    assert read_recipe("paintings") == from_json(recommended)
    (tmp_path / "portraits").write_bytes(b"mine")
    assert find_recipe("portraits").read_bytes() == b"mine"


def test_recipes_in_yaml_need_no_torch():
    code = "import sys; from blendgan.cli import main; main.run(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    for words, shown in ((["recipe"], "pinkney-1c"), (["recipe", "pinkney-1c"], "kind: swap")):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert shown in done.stdout


NINE = (1.0,) * 9


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("pinkney-1c", Swap(16, "low")),
        ("pinkney-1d", Swap(16, "high")),
        ("pinkney-1e", Swap(32, "low")),
        ("pinkney-3", Swap(16, "low")),
        ("vtoonify-pixar", Layers((*NINE, *[0.5] * 9))),
        ("vtoonify-comic", Layers((*[0.5] * 7, *[1.0] * 11))),
        ("vtoonify-arcane", Layers((*[0.5] * 7, *[1.0] * 11))),
        ("vtoonify-cartoon", Layers((*NINE, *[0.0] * 9))),
    ],
)
def test_ready_recipes_are_the_published_ones(name, schedule):
    assert read_recipe(name) == recipe_of(schedule)
    source = find_recipe(name).read_text(encoding="utf-8")
    assert ("Pinkney & Adler 2020, Figure" if name.startswith("pinkney") else "Yang et al. 2022") in source


@pytest.mark.parametrize(
    ("name", "transfer", "resolution"),
    [("painted", "paintings", 32), ("painted-strong", "paintings", 16), ("cartoon", "cartoons", 8),
     ("cartoon-strong", "cartoons", 4)],
)  # fmt: skip
def test_our_own_ready_recipes_name_the_shipped_models(name, transfer, resolution):
    found = read_recipe(name)
    assert [model.name for model in found.models] == ["portraits", transfer]
    assert found.schedule == Swap(resolution, "high")
    if "strong" not in name:  # what TRANSFER itself recommends
        assert found.schedule == preset(open_source(transfer).checkpoint).schedule


def test_every_ready_recipe_is_listed_with_what_it_gives(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    listed = cli.invoke(main.cli, ["recipe"]).output
    assert len(ready_recipes()) == 12
    assert all(name in listed and text in listed for name, text in ready_recipes().items())


def test_recipe_prints_what_blend_takes(cli, pico, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    words = ["blend", "0.safetensors", "1.safetensors", "--force", "--seeds", "0"]
    assert main.run([*words, "--band", "8,1", "--channels", "ramp:0,1", "--noise", "0.5", "-o", "a.safetensors"]) == 0
    for name in ("a.safetensors", "a.png"):
        printed = cli.invoke(main.cli, ["recipe", name])
        (tmp_path / "r.yaml").write_text(printed.output)
        for source in ("r.yaml", name):
            assert main.run(["blend", "--recipe", source, "-o", "b.safetensors", "--force", "--seeds", "0"]) == 0
            assert (tmp_path / "b.safetensors").read_bytes() == (tmp_path / "a.safetensors").read_bytes()
            assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_a_changed_or_moved_input_is_told_with_both_fingerprints(pico, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    blend("0.safetensors", "1.safetensors", Swap(8)).save("a.safetensors")
    prints = [fingerprint(pico(seed)) for seed in (1, 2)]
    pico(2).save("1.safetensors", replace=True)
    again = ["blend", "--recipe", "a.safetensors", "-o", "b.safetensors", "--force"]
    assert main.run(again) == 2
    assert f"1.safetensors: found a model with fingerprint {prints[1]}, expected {prints[0]}" in capsys.readouterr().err
    (tmp_path / "1.safetensors").unlink()
    assert main.run(again) == 2
    assert f"1.safetensors: no such file; the recipe pins the model with fingerprint {prints[0]}" in (
        capsys.readouterr().err
    )
    pico(1).save("elsewhere.safetensors")
    assert main.run([*again, "0.safetensors", "elsewhere.safetensors", "--seeds", "0"]) == 0
    assert not (tmp_path / ".b.safetensors.part").exists()


def test_a_recipe_finds_its_models_beside_itself(pico, monkeypatch, tmp_path):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    for seed in (0, 1):
        pico(seed).save(f"{seed}.safetensors")
    (tmp_path / "there/r.yaml").write_text("base: 0.safetensors\ntransfers: [1.safetensors]\nschedule: alpha 0.5\n")
    monkeypatch.chdir(tmp_path)
    assert main.run(["blend", "--recipe", "there/r.yaml", "--force", "--no-preview", "-o", "b.safetensors"]) == 0
    expected = blend(pico(0), pico(1), Uniform(0.5))
    written = checkpoints.load("b.safetensors")
    assert all(torch.equal(written.tensors[name], tensor) for name, tensor in expected.tensors.items())
