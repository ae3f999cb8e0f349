"""Recipes are values, survive JSON, and refuse what they cannot mean."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendgan.recipe import Model, Recipe, dumps, from_json, loads, parse_policy, policy_alpha, to_json
from blendgan.schedule import Sigmoid, Swap, Table
from stylegan2.errors import RecipeError

law = settings(deadline=None, max_examples=50)  # no deadline: a busy machine breaks no law
policies = st.one_of(st.sampled_from(["base", "transfer"]), st.floats(0, 1))
schedules = st.sampled_from([Swap(16), Sigmoid(8, 1.5, "high"), Table({4: 1, 8: 0.25})])
models = st.lists(st.builds(Model, st.text(), st.text()), max_size=3).map(tuple)
recipes = st.builds(Recipe, schedules, policies, policies, policies, models)


@law
@given(recipes)
def test_a_recipe_survives_json(recipe):
    assert loads(dumps(recipe)) == recipe
    assert hash(loads(dumps(recipe))) == hash(recipe)
    assert dumps(loads(dumps(recipe))) == dumps(recipe)


def test_recipes_that_differ_are_different_keys():
    recipe = Recipe(Swap(16))
    changes = [{"schedule": Swap(8)}, {"mapping": 0.5}, {"w_avg": "transfer"}, {"noise": 1.0}]
    changes.append({"models": (Model("a", "1"),)})
    assert len({recipe, *(dataclasses.replace(recipe, **change) for change in changes)}) == 6


def test_the_shape_of_the_data():
    recipe = Recipe(Swap(16, "high"), models=(Model("portraits", "9c"), Model("paintings", "07")), noise=0.5)
    assert to_json(recipe) == {
        "models": [{"name": "portraits", "fingerprint": "9c"}, {"name": "paintings", "fingerprint": "07"}],
        "schedule": {"kind": "swap", "resolution": 16, "transfer_gives": "high"},
        "mapping": "base",
        "w_avg": "base",
        "noise": 0.5,
    }


def test_what_is_left_out_is_the_papers():
    assert from_json({"schedule": {"kind": "swap", "resolution": 8}}) == Recipe(Swap(8), "base", "base", "base", ())


def test_policies():
    assert [policy_alpha("noise", policy) for policy in ("base", "transfer", 0, 0.25, 1)] == [0, 1, 0, 0.25, 1]
    assert [parse_policy("noise", text) for text in ("base", "transfer", "0.25")] == ["base", "transfer", 0.25]


@pytest.mark.parametrize("policy", ["average", "1.5", "nan", ""])
def test_a_wrong_policy_says_what_is_expected(policy):
    with pytest.raises(RecipeError, match="expected base, transfer, or a share of TRANSFER between 0 and 1") as caught:
        parse_policy("mapping", policy)
    assert str(caught.value).startswith("mapping: found ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "recipe: not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[]", "recipe: found no schedule, expected the keys schedule, mapping, w_avg, noise, models"),
        ("{}", "recipe: found no schedule, expected the keys schedule, mapping, w_avg, noise, models"),
        (
            '{"schedule": {}, "maping": "base"}',
            "recipe: unknown key 'maping', expected schedule, mapping, w_avg, noise, models",
        ),
        (
            '{"schedule": {"kind": "swap", "resolution": 16}, "noise": "none"}',
            "noise: found 'none', expected base, transfer, or a share of TRANSFER between 0 and 1",
        ),
        (
            '{"schedule": {"kind": "swap", "resolution": 16}, "models": 2}',
            "recipe models: found 2, expected a list of {name, fingerprint}",
        ),
        (
            '{"schedule": {"kind": "swap", "resolution": 16}, "models": ["a"]}',
            "recipe model: found 'a', expected its name and its fingerprint",
        ),
    ],
)
def test_a_wrong_recipe_says_what_is_expected(text, message):
    with pytest.raises(RecipeError) as caught:
        loads(text)
    assert str(caught.value).startswith(message[:20])
    if "JSON" not in message:  # Python words its own message from version to version
        assert str(caught.value) == message
