"""The border: every mistake is named by its key, with what was found and what is allowed."""

from __future__ import annotations

import pytest

from blendgan.channels import Ramp
from blendgan.recipe import Model, Recipe, Transfer, recipe_of
from blendgan.recipe_schema import BadRecipe, from_json
from blendgan.schedule import Sigmoid, Swap, Uniform

SWAP = {"kind": "swap", "resolution": 8}


def test_what_is_left_out_is_the_papers():
    assert from_json({"schedule": SWAP}) == recipe_of(Swap(8), "base", "base", "base")


def test_the_short_forms_mean_the_long_ones():
    short = {"base": "a", "transfers": ["b", {"model": "c", "schedule": "sigmoid 16,1.5 high", "weight": 0.5}]}
    recipe = from_json(short | {"schedule": "alpha 1", "channels": "ramp:0,1", "task_vectors": True})
    assert recipe == Recipe(
        (
            Transfer(Uniform(1), 1, Ramp(0, 1), Model("b")),
            Transfer(Sigmoid(16, 1.5, "high"), 0.5, Ramp(0, 1), Model("c")),
        ),
        base=Model("a"),
        task_vectors=True,
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "recipe: found [], expected keys such as base, transfers, schedule, channels, "),
        (None, "recipe: found nothing, expected keys such as base, "),
        ({}, "recipe: found no schedule, expected one such as {kind: swap, resolution: 16}"),
        ({"transfers": ["a"]}, "transfers[0]: found no schedule, expected one such as {kind: swap, resolution: 16}"),
        ({"schedule": SWAP, "maping": 1}, "maping: unknown key, expected mapping (the keys here are base, transfers, "),
        ({"schedule": SWAP, "xyz": 1}, "xyz: unknown key, expected one of base, transfers, "),
        ({"schedule": SWAP, "base": {}}, "base: the key model is missing"),
        ({"schedule": SWAP, "base": ""}, "base.model: found '', expected at least 1 character"),
        ({"schedule": SWAP, "noise": "none"}, "noise: found 'none', expected base, transfer, or a share of TRANSFER "),
        ({"schedule": SWAP, "noise": True}, "noise: found True, expected base, transfer, or a share of TRANSFER "),
        ({"schedule": SWAP, "w_avg": 2}, "w_avg: found 2, expected base, transfer, or a share of TRANSFER "),
        ({"schedule": SWAP, "size": "big"}, "size: found 'big', expected 'same', 'smaller' or 'larger'"),
        ({"schedule": SWAP, "channels": "ramp:0"}, "channels: found 'ramp:0', expected a form such as ramp:0,1"),
        ({"schedule": {"kind": "swop"}}, "schedule.kind: found 'swop', expected one of swap, sigmoid, linear, band, "),
        ({"schedule": {"kind": "swap"}}, "schedule: the key resolution is missing"),
        ({"schedule": SWAP | {"resolution": 15}}, "schedule.resolution: found 15, expected a power of two in px, "),
        ({"schedule": SWAP | {"resolution": "x"}}, "schedule.resolution: found 'x', expected a valid integer"),
        ({"schedule": SWAP | {"width": 1}}, "schedule.width: unknown key, expected one of kind, resolution, transfer_"),
        (
            {"schedule": SWAP | {"transfer_gives": "up"}},
            "schedule.transfer_gives: found 'up', expected 'low' or 'high'",
        ),
        ({"schedule": {"kind": "uniform", "value": True}}, "schedule.value: found True, expected a number"),
        ({"schedule": {"kind": "table", "alphas": {4: 2}}}, "schedule: alpha at 4 px: found 2.0, expected a share of "),
        ({"schedule": "swop 16"}, "schedule: found 'swop 16', expected one of swap-res, sigmoid, "),
        ({"schedule": "sigmoid 16"}, "schedule: --sigmoid: found '16', expected a form such as --sigmoid 16,1.5"),
        ({"schedule": "alpha 0.5 high"}, "schedule: --transfer-gives high: goes with "),
        ({"schedule": SWAP, "transfers": [{"weight": 2}]}, "weights: found 2, expected numbers of at least 0 with a "),
        ({"schedule": SWAP, "transfers": [{"weight": "much"}]}, "transfers[0].weight: found 'much', expected a valid "),
        ({"schedule": SWAP, "transfers": 3}, "transfers: found 3, expected a list"),
    ],
)
def test_a_wrong_recipe_says_what_is_expected(values, message):
    with pytest.raises(BadRecipe) as caught:
        from_json(values)
    assert str(caught.value)[: len(message)] == message


def test_all_mistakes_are_told_at_once():
    with pytest.raises(BadRecipe) as caught:
        from_json({"schedule": {"kind": "swap"}, "noise": "none", "wavg": 1})
    assert [mistake.where for mistake in caught.value.mistakes] == [("schedule",), ("noise",), ("wavg",)]
