"""Recipes are values, survive JSON, and refuse what they cannot mean."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendgan.channels import Lists, Ramp, Region, Top
from blendgan.recipe import Model, Recipe, Transfer, dumps, parse_policy, policy_alpha, recipe_of, to_json
from blendgan.recipe_schema import from_json
from blendgan.schedule import Band, Layers, Linear, Sigmoid, Swap, Table, Uniform
from stylegan2.errors import RecipeError

law = settings(deadline=None, max_examples=50)  # no deadline: a busy machine breaks no law
policies = st.one_of(st.sampled_from(["base", "transfer"]), st.floats(0, 1))
schedules = st.sampled_from(
    [
        Swap(16), Sigmoid(8, 1.5, "high"), Sigmoid(8, float("inf")), Linear(8, 64), Band(32, 1, 0.5), Uniform(0.3),
        Table({4: 1, 8: 0.25}), Layers((1, 0.5)),
    ]
)  # fmt: skip
channels = st.sampled_from(
    [None, Ramp(0, 1), Lists({4: (1, 0.5)}), Top(0.25, "change"), Region((0.3, 0.2, 0.7, 0.5), 0.2)]
)
models = st.builds(Model, st.text(min_size=1), st.text())
weights = st.floats(0, 0.5)
transfers = st.lists(st.builds(Transfer, schedules, weights, channels, models), min_size=1, max_size=2).map(tuple)
recipes = st.builds(
    Recipe, transfers, policies, policies, policies, models, st.booleans(), st.sampled_from(["same", "smaller"])
)


@law
@given(recipes)
def test_a_recipe_survives_json(recipe):
    again = from_json(json.loads(dumps(recipe)))
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert dumps(again) == dumps(recipe)


def test_recipes_that_differ_are_different_keys():
    recipe = recipe_of(Swap(16))
    changes = [
        {"transfers": (Transfer(Swap(8)),)}, {"transfers": (Transfer(Swap(16), 0.5),)}, {"mapping": 0.5},
        {"w_avg": "transfer"}, {"noise": 1.0}, {"base": Model("a", "1")}, {"task_vectors": True}, {"size": "larger"},
    ]  # fmt: skip
    assert len({recipe, *(dataclasses.replace(recipe, **change) for change in changes)}) == 9


def test_the_shape_of_the_data():
    transfer = Transfer(Swap(16, "high"), 0.5, Ramp(0, 1), Model("paintings", "07"))
    assert to_json(Recipe((transfer,), noise=0.5, base=Model("portraits"))) == {
        "base": {"model": "portraits"},
        "transfers": [
            {
                "model": "paintings",
                "fingerprint": "07",
                "schedule": {"kind": "swap", "resolution": 16, "transfer_gives": "high"},
                "weight": 0.5,
                "channels": {"kind": "ramp", "first": 0, "last": 1},
            }
        ],
        "mapping": "base",
        "w_avg": "base",
        "noise": 0.5,
    }


def test_what_is_usual_is_left_out():
    assert to_json(recipe_of(Swap(8))).keys() == {"transfers", "mapping", "w_avg", "noise"}
    assert to_json(recipe_of(Swap(8)))["transfers"][0].keys() == {"schedule"}


def test_policies():
    assert [policy_alpha("noise", policy) for policy in ("base", "transfer", 0, 0.25, 1)] == [0, 1, 0, 0.25, 1]
    assert [parse_policy("noise", text) for text in ("base", "transfer", "0.25")] == ["base", "transfer", 0.25]


@pytest.mark.parametrize("policy", ["average", "1.5", "nan", ""])
def test_a_wrong_policy_says_what_is_expected(policy):
    with pytest.raises(RecipeError, match="expected base, transfer, or a share of TRANSFER between 0 and 1") as caught:
        parse_policy("mapping", policy)
    assert str(caught.value).startswith("mapping: found ")


@pytest.mark.parametrize("weights", [(-0.1,), (1.1,), (0.7, 0.4), (0.5, -0.1)])
def test_only_task_vectors_leave_the_convex_hull(weights):
    parts = tuple(Transfer(Uniform(1), weight) for weight in weights)
    with pytest.raises(RecipeError, match="expected numbers of at least 0 with a sum of at most 1") as caught:
        Recipe(parts)
    assert str(caught.value).startswith(f"weights: found {', '.join(f'{weight:g}' for weight in weights)}, ")
    assert [part.weight for part in Recipe(parts, task_vectors=True).transfers] == list(weights)


def test_weights_may_round():
    weights = (0.05, 0.55, 0.3, 0.1)
    assert sum(weights) > 1  # by rounding
    assert Recipe(tuple(Transfer(Uniform(1), weight) for weight in weights)).weights == weights


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "1", True])
def test_a_weight_is_a_number(weight):
    with pytest.raises(RecipeError, match="weight: found .*, expected a number such as 0.5"):
        Transfer(Uniform(1), weight)


def test_a_recipe_has_a_transfer():
    with pytest.raises(RecipeError, match="transfers: found none"):
        Recipe(())
