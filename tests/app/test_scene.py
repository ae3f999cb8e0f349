"""Scenes and addresses: what a link says comes back, and what it must not say is refused in words."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", "1.51", reason="the explorer needs the extra `app`")

from app.engine import Engine
from app.scene import Scene, from_query, opened, to_query, usual_scene
from blendgan.channels import Region
from blendgan.explorer_options import ExplorerOptions
from blendgan.recipe import Recipe, Transfer, recipe_of
from blendgan.schedule import Sigmoid, Swap, Table

USUAL = Scene("portraits", "paintings", recipe_of(Swap(16, "high")))
SCENES = (
    USUAL,
    Scene("a", "b", recipe_of(Sigmoid(16, 1.5), noise=0.5), (3, 4, 5, 9), 0.5, "none", 2),
    Scene("a", "b", recipe_of(Table({4: 0.25, 8: 1 / 3})), (7,)),
    Scene("a", "b", Recipe((Transfer(Swap(8), 0.5, Region((0.1, 0.2, 0.3, 0.4), 0.25)),))),
)


@pytest.mark.parametrize("scene", SCENES)
def test_an_address_says_all_of_a_scene(scene):
    usual = Scene(scene.base, scene.transfer, recipe_of(Swap(4)), (0,))
    assert from_query(to_query(scene), usual) == (scene, ())


def test_an_address_says_it_in_the_command_lines_words():
    query = to_query(SCENES[1])
    assert query["schedule"] == "sigmoid 16,1.5 low" and query["seeds"] == "3-5,9" and query["noise"] == "0.5"


@pytest.mark.parametrize(
    "query, said",
    [
        ({"seeds": "0-99"}, "seeds in the address: found 100 seeds, expected at most 12"),
        ({"seeds": "x"}, "'x' is no seed"),
        ({"trunc": "nan"}, "trunc in the address: found nan, expected 0 … 2"),
        ({"trunc": "much"}, "found 'much', expected a number"),
        ({"noise-mode": "loud"}, "expected one of const, none, random"),
        ({"class": "-1"}, "'-1' is no seed"),
        ({"schedule": "swap 16"}, "the blend in the address: schedule: found 'swap 16'"),
        ({"mapping": "2"}, "mapping: found 2.0"),
        ({"channels": "region:/etc/passwd:top:0.5"}, "found the mask /etc/passwd, expected a box"),
        ({"recipe": "{"}, "expected one in JSON"),
        ({"recipe": "[" * 10_000}, "expected one in JSON"),
        ({"recipe": '{"base": "x", "transfers": ["y"], "schedule": "swap-res 4"}'}, "names models"),
        ({"recipe": '{"schedule": "swap-res 5"}'}, "expected a power of two"),
    ],
)
def test_wrong_words_leave_the_scene_as_it_was(query, said):
    scene, (mistake,) = from_query(query, USUAL)
    assert scene == USUAL and said in mistake


@pytest.fixture
def models(pico, tmp_path):
    names = []
    for seed in (0, 1):
        pico(seed).save(tmp_path / f"{seed}.safetensors")
        names.append(str(tmp_path / f"{seed}.safetensors"))
    return Engine(ExplorerOptions(tuple(names)))


def test_an_address_opens_only_what_is_offered(models, tmp_path, pico):
    pico(2).save(tmp_path / "secret.safetensors")
    scene, (mistake,) = opened({"base": str(tmp_path / "secret.safetensors")}, models)
    assert scene == usual_scene(models) and "is not offered here; expected one of" in mistake


def test_a_class_that_the_models_do_not_have_is_left_out(models):
    scene, (mistake,) = opened({"class": "3"}, models)
    assert scene == usual_scene(models) and "this model has no classes" in mistake


def test_the_usual_scene_is_what_transfer_recommends(models):
    scene = usual_scene(models)
    assert (scene.base, scene.transfer) == models.options.models and scene.recipe == recipe_of(Swap(16))


def test_a_schedule_in_an_address_keeps_what_else_transfer_recommends():
    usual = Scene("a", "b", recipe_of(Swap(16, "high"), noise="transfer"))
    scene, _ = from_query({"schedule": "alpha 0.5"}, usual)
    assert scene.recipe.noise == "transfer"
