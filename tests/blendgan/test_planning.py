"""The plan: several TRANSFERs, channels along each tensor's own axis, and policies that the weights divide."""

from __future__ import annotations

import itertools

import pytest

from blendgan.channels import Lists, Ramp
from blendgan.combine import Channelwise
from blendgan.planning import Row, plan
from blendgan.recipe import Recipe, Transfer
from blendgan.schedule import Swap, Uniform
from blendgan.sources import Source
from stylegan2.errors import RecipeError


@pytest.fixture
def planned(pico):
    def rows(recipe: Recipe) -> dict[str, Row]:
        sources = [Source(f"model {seed}", pico(seed)) for seed in range(len(recipe.transfers) + 1)]
        return {row.name: row for row in plan(sources, recipe)}

    return rows


def test_each_transfer_has_its_own_schedule_and_weight(planned):
    rows = planned(Recipe((Transfer(Swap(4), 0.5), Transfer(Swap(8, "high"), 0.25))))
    assert rows["synthesis.b4.conv1.weight"].alphas == (0.5, 0)
    assert rows["synthesis.b8.conv1.weight"].alphas == (0, 0)
    assert rows["synthesis.b16.conv1.weight"].alphas == (0, 0.25)
    assert rows["mapping.fc0.weight"].alphas == (0, 0)


@pytest.mark.parametrize(
    ("weights", "policy", "expected"),
    [
        ((1.0,), "transfer", (1,)),
        ((0.4,), "transfer", (1,)),  # the mapping follows its policy alone
        ((0.6, 0.2), "transfer", (0.75, 0.25)),
        ((0.6, 0.2), 0.5, (0.375, 0.125)),
        ((0.0, 0.0), "transfer", (0.5, 0.5)),
    ],
)
def test_transfers_divide_what_a_policy_gives(planned, weights, policy, expected):
    parts = tuple(Transfer(Uniform(1), weight) for weight in weights)
    rows = planned(Recipe(parts, mapping=policy, noise=policy))
    for name in ("mapping.fc0.weight", "synthesis.b8.conv0.noise_const"):
        assert rows[name].alphas == pytest.approx(expected)
    assert rows["mapping.w_avg"].alphas == (0,) * len(weights)


def test_policies_are_divided_alike_in_every_order(planned):
    for weights in itertools.permutations((0.1, 0.2, 0.3)):
        parts = tuple(Transfer(Uniform(1), weight) for weight in weights)
        shares = planned(Recipe(parts, mapping=0.5))["mapping.fc0.weight"].alphas
        assert sorted(shares) == [0.5 * (weight / 0.6) for weight in (0.1, 0.2, 0.3)]


def test_task_vectors_add_up(planned):
    parts = (Transfer(Uniform(1), 1.5), Transfer(Uniform(0.5), -1.0))
    rows = planned(Recipe(parts, mapping="transfer", task_vectors=True))
    assert rows["synthesis.b8.conv0.weight"].alphas == (1.5, -0.5)
    assert rows["mapping.fc0.weight"].alphas == (1.5, -1.0)


def test_every_tensor_takes_the_gains_along_its_own_axis(planned):
    # channels of the pico model: 8 at 4 px, 6 at 8 px, 4 at 16 px
    rows = planned(Recipe((Transfer(Uniform(0.5), channels=Ramp(0, 1)),)))
    six = tuple(0.5 * i / 5 for i in range(6))
    eight = tuple(0.5 * i / 7 for i in range(8))
    for name, axis, alphas in [
        ("synthesis.b4.const", 0, eight),
        ("synthesis.b8.conv0.weight", 0, six),
        ("synthesis.b8.conv0.bias", 0, six),
        ("synthesis.b8.conv0.affine.weight", 0, eight),  # scales what the 4 px block made
        ("synthesis.b8.conv1.affine.weight", 0, six),
        ("synthesis.b8.torgb.weight", 1, six),
        ("synthesis.b8.torgb.affine.bias", 0, six),
    ]:
        (alpha,) = rows[name].alphas
        assert isinstance(alpha, Channelwise), name
        assert alpha.axis == axis, name
        assert alpha.alphas == pytest.approx(alphas), name
    for name in ("synthesis.b8.conv0.noise_strength", "synthesis.b8.torgb.bias"):  # the mean of g
        assert rows[name].alphas == pytest.approx((0.25,))
    assert rows["mapping.fc0.weight"].alphas == (0,)


def test_lists_are_for_their_resolution_alone(planned):
    rows = planned(Recipe((Transfer(Uniform(1), channels=Lists({8: (0, 1, 0, 1, 0.5, 0)})),)))
    assert rows["synthesis.b8.conv1.weight"].alphas == (Channelwise(0, (0, 1, 0, 1, 0.5, 0)),)
    assert rows["synthesis.b16.conv0.affine.bias"].alphas == (Channelwise(0, (0, 1, 0, 1, 0.5, 0)),)
    assert rows["synthesis.b16.conv1.weight"].alphas == (1,)


def test_constant_gains_are_the_plain_schedule(planned):
    plain = planned(Recipe((Transfer(Uniform(0.3 * 0.7)),)))
    constant = planned(Recipe((Transfer(Uniform(0.3), channels=Ramp(0.7, 0.7)),)))
    assert {name: row.alphas for name, row in constant.items()} == {name: row.alphas for name, row in plain.items()}


def test_the_models_are_counted(pico):
    with pytest.raises(RecipeError, match="models: found 2, expected BASE and 2 more"):
        plan([Source("a", pico(0)), Source("b", pico(1))], Recipe((Transfer(Uniform(0.5), 0.5),) * 2))


def test_a_row_is_plain_data(planned):
    rows = planned(Recipe((Transfer(Swap(4), channels=Ramp(0, 1)),)))
    assert rows["synthesis.b4.conv1.bias"].to_json() == {
        "tensor": "synthesis.b4.conv1.bias", "network": "synthesis", "resolution": 4, "role": "bias",
        "alphas": [[i / 7 for i in range(8)]], "channel_axis": 0,
    }  # fmt: skip
    assert rows["mapping.w_avg"].to_json()["alphas"] == [0]
