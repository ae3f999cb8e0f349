"""The laws of the loop, to the bit: for every type of number, for infinities, and for more than two models."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from blendgan import combine as loop
from blendgan.combine import Alpha, Channelwise, Share, combine
from stylegan2.errors import RecipeError, ShapeMismatch

law = settings(deadline=None, max_examples=50)  # no deadline: a busy machine breaks no law
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**31)
alphas = st.floats(0, 1)
between = st.floats(0, 1, exclude_min=True, exclude_max=True)


def state(seed: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Two tensors, one of them a scalar."""
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=random).to(dtype) for name, shape in [("w", (5, 7)), ("strength", ())]}


def share(tensors: dict[str, Tensor], alpha: Alpha, fingerprint: str = "b") -> Share:
    return Share(fingerprint, tensors, dict.fromkeys(tensors, alpha))


def bits(tensor: Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    """Everything of a tensor: unlike torch.equal it tells 0 from -0, and one NaN from no NaN."""
    return tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(bits(a[name]) == bits(b[name]) for name in a)


def spoilt(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with an infinity, a NaN and a negative zero in it."""
    w = tensors["w"].clone()
    w[0, :4] = torch.tensor([float("inf"), float("-inf"), float("nan"), -0.0])
    return tensors | {"w": w}


@law
@given(seeds, dtypes, dtypes)
def test_alpha_0_is_base_and_alpha_1_is_transfer(seed, one, other):
    base, transfer = state(seed, one), state(seed + 1, other)
    assert not same(base, transfer)
    assert same(combine(base, [share(spoilt(transfer), 0)]), base)
    assert same(combine(spoilt(base), [share(transfer, 1)]), transfer)


@law
@given(seeds, dtypes, alphas)
def test_a_model_with_itself_is_itself(seed, dtype, alpha):
    model = state(seed, dtype)
    model["w"][0, :3] = torch.tensor([float("inf"), float("-inf"), -0.0])
    assert same(combine(model, [share(model, alpha)]), model)


@law
@given(seeds, dtypes, st.lists(alphas, min_size=2, max_size=4))
def test_many_times_the_same_model_is_itself(seed, dtype, shares):
    model = state(seed, dtype)
    model["w"][0, :3] = torch.tensor([float("inf"), float("-inf"), -0.0])
    twins = [{name: tensor.clone() for name, tensor in model.items()} for _ in shares]
    assert same(
        combine(model, [share(twin, alpha, f"{i}") for i, (twin, alpha) in enumerate(zip(twins, shares, strict=True))]),
        model,
    )


@law
@given(seeds, dtypes, between)
def test_between_it_is_the_papers_formula(seed, dtype, alpha):
    base, transfer = state(seed, dtype), state(seed + 1, dtype)
    mixed = combine(base, [share(transfer, alpha)])
    for name, tensor in mixed.items():
        exact = (1 - alpha) * base[name].double() + alpha * transfer[name].double()
        ulp = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps if dtype != torch.float64 else 0)
        assert tensor.dtype == dtype
        assert torch.allclose(tensor.double(), exact, rtol=0, atol=4 * ulp * float(exact.abs().max() + 1))


@law
@given(seeds, between)
def test_half_precision_is_rounded_once(seed, alpha):
    base, transfer = state(seed, torch.float16), state(seed + 1, torch.float16)
    wide = combine({n: t.float() for n, t in base.items()}, [share({n: t.float() for n, t in transfer.items()}, alpha)])
    assert same(combine(base, [share(transfer, alpha)]), {name: tensor.half() for name, tensor in wide.items()})


@law
@given(seeds, between)
def test_from_the_other_side_it_is_the_same_to_rounding(seed, alpha):
    a, b = state(seed), state(seed + 1)
    there, back = combine(a, [share(b, alpha)]), combine(b, [share(a, 1 - alpha)])
    assert all(torch.allclose(there[name], back[name], atol=1e-6) for name in a)


@law
@given(seeds, dtypes, st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_the_order_of_the_transfers_is_no_matter(seed, dtype, weights):
    base, *others = [state(seed + i, dtype) for i in range(4)]
    assert not same(others[0], others[1])
    shares = [share(other, weight, f"{i}") for i, (other, weight) in enumerate(zip(others, weights, strict=True))]
    first, *rest = [combine(base, list(order)) for order in itertools.permutations(shares)]
    assert all(same(first, again) for again in rest)


@law
@given(seeds, dtypes, st.lists(alphas, min_size=2, max_size=2))
def test_the_order_is_no_matter_for_one_model_given_twice(seed, dtype, weights):
    base, transfer = state(seed, dtype), state(seed + 1, dtype)
    shares = [share(transfer, weight) for weight in weights]
    assert same(combine(base, shares), combine(base, shares[::-1]))


def test_more_models_are_summed_in_float64():
    base, a, b = state(0), state(1), state(2)
    mixed = combine(base, [share(a, 0.5, "a"), share(b, 0.3, "b")])
    for name in base:
        x, y, z = base[name].double(), a[name].double(), b[name].double()
        assert bits(mixed[name]) == bits((x + (0.5 * (y - x) + 0.3 * (z - x))).float())


@law
@given(seeds, dtypes, alphas)
def test_a_model_that_gives_nothing_is_not_read(seed, dtype, alpha):
    base, transfer = state(seed, dtype), state(seed + 1, dtype)
    silent = Share("a", {}, dict.fromkeys(base, 0.0))
    assert same(combine(base, [silent, share(transfer, alpha)]), combine(base, [share(transfer, alpha)]))


def test_base_is_not_read_where_transfer_gives_all():
    transfer = state(1)
    assert same(combine({}, [share(transfer, 1)]), transfer)


@pytest.mark.parametrize("alpha", [0, 0.4, 1])
def test_nothing_given_is_modified_or_shared(alpha):
    base, transfer = state(0), state(1)
    result = combine(base, [share(transfer, alpha)])
    for tensor in result.values():
        tensor.fill_(7)
    assert same(base, state(0))
    assert same(transfer, state(1))


def test_each_tensor_has_its_own_alpha():
    base, transfer = state(0), state(1)
    result = combine(base, [Share("b", transfer, {"strength": 1.0, "w": 0.0})])
    assert list(result) == ["strength", "w"]
    assert bits(result["strength"]) == bits(transfer["strength"])
    assert bits(result["w"]) == bits(base["w"])


def test_integers_are_chosen_never_averaged():
    base, transfer = {"steps": torch.tensor([1, 2])}, {"steps": torch.tensor([3, 4])}
    assert same(combine(base, [share(transfer, 1)]), transfer)
    assert same(combine(base, [share(base, 0.5)]), base)
    with pytest.raises(RecipeError) as caught:
        combine(base, [share(transfer, 0.5)])
    assert str(caught.value) == "steps: torch.int64 cannot be averaged; give it alpha 0 (BASE's) or 1 (TRANSFER's)"


def test_shapes_that_torch_would_stretch_are_refused():
    with pytest.raises(ShapeMismatch) as caught:
        combine({"w": torch.zeros(1)}, [share({"w": torch.zeros(3)}, 0.5)])
    assert str(caught.value) == "w: BASE has shape (1,), TRANSFER (3,)"


def test_the_tables_must_have_the_same_names():
    with pytest.raises(RecipeError, match="expected at least one, and the same tensor names in each"):
        combine(state(0), [share(state(1), 0.5), Share("c", state(2), {"w": 0.5})])
    with pytest.raises(RecipeError, match="shares: found 0, expected at least one"):
        combine(state(0), [])


# ---- an alpha for each channel ----------------------------------------------------------------------------------


def along(tensors: dict[str, Tensor], alphas: list[float], axis: int = 0, fingerprint: str = "b") -> Share:
    """These alphas along an axis of the matrix, their first for the scalar."""
    return Share(fingerprint, tensors, {"w": Channelwise(axis, tuple(alphas)), "strength": alphas[0]})


@law
@given(seeds, dtypes, alphas)
def test_one_alpha_for_all_channels_is_the_plain_alpha(seed, dtype, alpha):
    base, transfer = state(seed, dtype), state(seed + 1, dtype)
    assert same(combine(base, [along(transfer, [alpha] * 5)]), combine(base, [share(transfer, alpha)]))


@law
@given(seeds, dtypes, st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=5, max_size=5), st.integers(1, 3))
def test_each_channel_keeps_the_laws_of_its_own_alpha(seed, dtype, alphas, models):
    base, transfer = spoilt(state(seed, dtype)), spoilt(state(seed + 1, dtype))
    transfer["w"] = transfer["w"].flip(1)  # the infinities lie elsewhere
    silent = [along(transfer, [0.0] * 5, fingerprint=f"{i}") for i in range(models - 1)]
    mixed = combine(base, [along(transfer, alphas), *silent])["w"]
    for row, alpha in enumerate(alphas):
        if alpha != 0.5:
            assert bits(mixed[row]) == bits((base if alpha == 0 else transfer)["w"][row])
        else:
            expected = combine({"w": base["w"][row]}, [Share("b", {"w": transfer["w"][row]}, {"w": 0.5})])
            torch.testing.assert_close(mixed[row], expected["w"], rtol=0, atol=0, equal_nan=True)  # NaNs differ in bits


@law
@given(seeds, dtypes, st.lists(alphas, min_size=7, max_size=7))
def test_channels_of_a_model_with_itself_are_its_own(seed, dtype, alphas):
    model = state(seed, dtype)
    model["w"][0, :3] = torch.tensor([float("inf"), float("-inf"), -0.0])
    twin = {name: tensor.clone() for name, tensor in model.items()}
    assert same(combine(model, [along(twin, alphas, 1), along(twin, alphas[::-1], 1, "c")]), model)


def test_channels_that_one_of_several_models_gives_are_its_very_numbers():
    base, a, b = spoilt(state(0)), state(1, torch.float16), state(2)
    mixed = combine(base, [along(a, [1, 0, 0, 0.5, 0], fingerprint="a"), along(b, [0, 1, 0, 0.25, 0.5])])["w"]
    assert bits(mixed[0]) == bits(a["w"][0].float())
    assert bits(mixed[1]) == bits(b["w"][1])
    assert bits(mixed[2]) == bits(base["w"][2])
    x, y, z = (m["w"][3].double() for m in (base, a, b))
    assert bits(mixed[3]) == bits((x + (0.5 * (y - x) + 0.25 * (z - x))).float())


def test_as_many_alphas_as_channels():
    with pytest.raises(RecipeError, match=r"found 4 alphas along axis 0 of shape \(5, 7\)"):
        combine(state(0), [along(state(1), [0, 0.5, 1, 1])])


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_in_slices_it_is_the_same(monkeypatch, models, axis):
    alphas = [i / 6 for i in range(5 if axis == 0 else 7)]
    shares = [along(state(i + 1), alphas, axis, f"{i}") for i in range(models)]
    expected = combine(state(0), shares)
    monkeypatch.setattr(loop, "CHUNK", 14)
    assert [piece.shape for piece in loop.pieces(state(0), shares, "w")] == [(2, 7), (2, 7), (1, 7)]
    assert same(combine(state(0), shares), expected)
