"""The laws of the mean of networks: to the bit where a law says so, to rounding against float64 elsewhere."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blendgan.dni import interpolate
from blendgan.dni.mixing import shares_of
from stylegan2.errors import CheckpointError, RecipeError, ShapeMismatch

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
ROUNDING = {torch.float32: 2e-6, torch.float16: 2e-3, torch.bfloat16: 2e-2, torch.float64: 1e-14}

dtypes = st.sampled_from(FLOATS)
seeds = st.integers(0, 2**31)
positive = st.floats(0.01, 1)


def normal(values: list[float]) -> list[float]:
    return [value / math.fsum(values) for value in values]


def spoilt(state):
    """The same with infinities, a NaN and a negative zero."""
    weight = state["conv.weight"].clone()
    weight.view(-1)[:4] = torch.tensor([math.inf, -math.inf, math.nan, -0.0])
    return state | {"conv.weight": weight}


@given(seeds, dtypes, dtypes)
def test_alpha_0_is_the_first_and_alpha_1_the_second(network, same, seed, one, other):
    a, b = network(seed, one), network(seed + 1, other)
    assert not same(a, b)
    assert same(interpolate([a, spoilt(b)], shares_of(2, 0, None)), a)
    assert same(interpolate([spoilt(a), b], shares_of(2, 1, None)), b)
    assert same(interpolate([spoilt(a), b, spoilt(a)], [0, 1, 0]), b)


@given(seeds, dtypes, st.lists(positive, min_size=2, max_size=4))
def test_a_network_with_itself_is_itself(network, same, seed, dtype, values):
    a = network(seed, dtype)
    a["conv.weight"].view(-1)[:3] = torch.tensor([math.inf, -math.inf, -0.0])
    twins = [{name: tensor.clone() for name, tensor in a.items()} for _ in values]
    assert same(interpolate(twins, normal(values)), a)


@settings(max_examples=25)
@given(seeds, dtypes, st.lists(positive, min_size=2, max_size=3))
def test_the_order_of_networks_is_no_matter_to_the_bit(network, same, seed, dtype, values):
    states = [network(seed + i, dtype) for i in range(len(values))]
    for weights in (normal(values), [1 / len(values)] * len(values)):  # equal weights: fingerprints decide
        expected = interpolate(states, weights)
        assert not any(same(expected, state) for state in states)
        for order in itertools.permutations(range(len(states))):
            assert same(interpolate([states[i] for i in order], [weights[i] for i in order]), expected)


@given(seeds, dtypes, st.lists(st.floats(0, 1), min_size=2, max_size=4).filter(lambda v: sum(v) > 0.01))
def test_it_is_the_mean_in_float64_to_rounding(network, seed, dtype, values):
    states, weights = [network(seed + i, dtype) for i in range(len(values))], normal(values)
    found = interpolate(states, weights)
    for name in ("conv.weight", "norm.running_mean", "norm.running_var", "fc.weight"):
        expected = sum(w * state[name].double() for w, state in zip(weights, states, strict=True))
        assert found[name].dtype == dtype
        torch.testing.assert_close(found[name].double(), expected, atol=ROUNDING[dtype], rtol=ROUNDING[dtype])


@given(seeds, dtypes, st.floats(0, 1))
def test_nothing_given_is_modified_and_nothing_is_shared(network, same, seed, dtype, alpha):
    states = [network(seed, dtype), network(seed + 1, dtype)]
    before = [{name: tensor.clone() for name, tensor in state.items()} for state in states]
    found = interpolate(states, [1 - alpha, alpha])
    for tensor in found.values():
        tensor.zero_()
    assert all(same(state, old) for state, old in zip(states, before, strict=True))


@pytest.mark.parametrize("alpha", [0.3, 0.7])
def test_types_are_the_firsts_and_the_arithmetic_is_wider(network, alpha):
    a, b = network(0, torch.float32), network(1, torch.float16)
    expected = torch.lerp(a["conv.weight"].double(), b["conv.weight"].double(), alpha)
    found = interpolate([a, b], [1 - alpha, alpha])["conv.weight"]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-6)  # float16 would miss it by 1e-3
    assert interpolate([b, a], [alpha, 1 - alpha])["conv.weight"].dtype == torch.float16


def test_a_mean_beyond_the_firsts_type_is_refused(network):
    a, b = network(0, torch.float16), network(1)
    b["fc.weight"] = b["fc.weight"] + 1e6
    with pytest.raises(CheckpointError, match=r"fc\.weight: its mean is beyond torch\.float16"):
        interpolate([a, b], [0.5, 0.5])


def test_parameters_leave_their_gradients_behind(network):
    states = [
        {k: torch.nn.Parameter(v, requires_grad=v.is_floating_point()) for k, v in network(i).items()} for i in (0, 1)
    ]
    assert not any(tensor.requires_grad for tensor in interpolate(states, [0.5, 0.5]).values())


@pytest.mark.parametrize(
    ("policy", "weights", "expected"),
    [
        ("nearest", [0.6, 0.4], 10),
        ("nearest", [0.4, 0.6], 21),
        ("first", [0.0, 1.0], 10),
        ("round", [0.6, 0.4], 14),
        ("round", [1.0, 0.0], 10),
        ("same", [0.0, 1.0], 21),  # one network gives all: nothing differs
    ],
)
def test_integers_follow_their_policy(policy, weights, expected):
    states = [{"w": torch.ones(2), "n": torch.tensor(n), "on": torch.tensor(n > 15)} for n in (10, 21)]
    found = interpolate(states, weights, integers=policy)
    assert (found["n"].item(), found["n"].dtype, found["on"].dtype) == (expected, torch.int64, torch.bool)
    assert found["on"].item() == (expected > 15)


def test_large_equal_integers_stay_as_they_are():
    state = {"w": torch.ones(2), "n": torch.tensor(2**62 + 1)}
    assert interpolate([state, dict(state)], [0.5, 0.5], integers="round")["n"].item() == 2**62 + 1


def test_integers_that_must_be_the_same():
    states = [{"w": torch.ones(2), "n": torch.tensor(n), "m": torch.tensor(n)} for n in (10, 21)]
    with pytest.raises(RecipeError, match=r"n: found 10 and 21 \(1 more like that\); expected the same integers"):
        interpolate(states, [0.5, 0.5], integers="same")
    with pytest.raises(RecipeError, match="integers: found 'mean', expected one of nearest, first, same, round"):
        interpolate(states, [0.5, 0.5], integers="mean")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"norm.bias": torch.ones(5), "fc.weight": torch.ones(1)},
            r"norm\.bias: network 1 has shape \[4\], network 2 \[5\] \(1 more tensor differs\)",
        ),
        ({"norm.bias": None}, r"norm\.bias: missing in network 2, expected as network 1 has it, \[4\];"),
        ({"extra": torch.ones(1)}, r"extra: found in network 2 alone, not in network 1;"),
        ({"fc.weight": torch.ones(2, 4, dtype=torch.int32)}, r"fc\.weight: network 1 has type float32, network 2 int"),
        (
            {"a": torch.ones(1), "fc.weight": None, "conv.weight": torch.ones(1)},
            r"^conv\.weight: .*\(2 more tensors differ\)",
        ),
    ],
)
def test_the_first_differing_tensor_is_named(network, change, message):
    other = {name: tensor for name, tensor in (network(1) | change).items() if tensor is not None}
    with pytest.raises(ShapeMismatch, match=message):
        interpolate([network(0), other], [0.5, 0.5])


def test_of_many_networks_the_first_difference_is_by_the_first_networks_order(network):
    late, early = network(1) | {"fc.weight": torch.ones(1)}, network(2) | {"conv.bias": torch.ones(1)}
    with pytest.raises(ShapeMismatch, match=r"conv\.bias: network 1 has shape \[4\], network 3 \[1\] \(1 more"):
        interpolate([network(0), late, early], [0.5, 0.3, 0.2])


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "an infinity")])
def test_numbers_without_a_mean_are_refused(network, value, word):
    bad = network(1)
    for name in ("norm.bias", "fc.weight"):
        bad[name].view(-1)[1] = value
    with pytest.raises(CheckpointError, match=rf"network 2: found {word} in norm\.bias \(1 more tensor like that\)"):
        interpolate([network(0), bad], [0.5, 0.5])


@pytest.mark.parametrize(
    ("count", "alpha", "weights", "expected"),
    [
        (2, 0.25, None, (0.75, 0.25)),
        (3, None, ".5,.3,.2", (0.5, 0.3, 0.2)),
        (3, None, "0.33333,0.33333,0.33333", (1 / 3, 1 / 3, 1 / 3)),
        (1, None, None, (1.0,)),
        (1, None, "1", (1.0,)),
    ],
)
def test_shares(count, alpha, weights, expected):
    assert shares_of(count, alpha, weights) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("count", "alpha", "weights", "message"),
    [
        (2, 1.5, None, "--alpha: found 1.5, expected B's share, from 0"),
        (2, math.nan, None, "--alpha: found nan"),
        (3, 0.5, None, "--alpha: for two networks, A and B, and found 3"),
        (2, 0.5, "1,0", "found both"),
        (2, None, None, "shares: found none for 2 networks"),
        (2, None, "half,half", "--weights: found 'half,half', expected numbers"),
        (2, None, "", "--weights: found '', expected numbers"),
        (3, None, ".5,.5", "weights: found 0.5, 0.5, 2 for 3 networks"),
        (2, None, "1.5,-.5", r"weights: found 1.5, -0.5 \(sum 1\), expected numbers of at least 0 with sum 1"),
        (2, None, ".5,.4", r"\(sum 0.9\)"),
        (2, None, "nan,1", "expected numbers of at least 0"),
        (2, None, "inf,-inf", "expected numbers of at least 0"),
        (2, None, "1e308,1e308", "expected numbers of at least 0"),
    ],
)
def test_shares_that_do_not_fit(count, alpha, weights, message):
    with pytest.raises(RecipeError, match=message):
        shares_of(count, alpha, weights)
