"""Every schedule against its formula, at its edges, and through its two written forms."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendgan.recipe_schema import from_json
from blendgan.schedule import Band, Layers, Linear, Sigmoid, Swap, Table, Uniform, alpha_at
from blendgan.schedule_forms import KINDS, OPTIONS, facing, parse, to_json
from stylegan2.errors import RecipeError

law = settings(deadline=None, max_examples=50)  # no deadline: a busy machine breaks no law
KINDS_LISTED = "swap, sigmoid, linear, band, uniform, table, layers"
RESOLUTIONS = tuple(2**octave for octave in range(2, 11))  # 4 … 1024 px

resolutions = st.sampled_from(RESOLUTIONS)
widths = st.floats(min_value=0, allow_nan=False)
sides = st.sampled_from(["low", "high"])
alphas = st.floats(0, 1)
schedules = st.one_of(
    st.builds(Swap, resolutions, sides),
    st.builds(Sigmoid, resolutions, widths, sides),
    st.builds(Linear, st.sampled_from((4, 8, 16)), st.sampled_from((32, 64, 128)), sides),
    st.builds(Band, resolutions, widths, alphas),
    st.builds(Uniform, alphas),
    st.builds(Table, st.fixed_dictionaries({r: alphas for r in RESOLUTIONS})),
    st.builds(Layers, st.lists(alphas, min_size=18, max_size=18)),
)


@law
@given(schedules, resolutions, st.integers(0, 17))
def test_every_alpha_is_a_share(schedule, resolution, layer):
    assert 0 <= alpha_at(schedule, resolution, layer) <= 1


@law
@given(schedules)
def test_schedules_are_values(schedule):
    again = from_json({"schedule": json.loads(json.dumps(to_json(schedule)))}).schedule
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert to_json(schedule)["kind"] in KINDS


@law
@given(st.sampled_from(["low", "high"]), resolutions, resolutions)
def test_a_sigmoid_of_no_width_is_the_swap(side, resolution, at):
    assert Sigmoid(resolution, 0, side).alpha(at) == Swap(resolution, side).alpha(at)


@law
@given(
    st.one_of(st.builds(Swap, resolutions), st.builds(Sigmoid, resolutions, widths), st.just(Linear(8, 64))),
    resolutions,
)
def test_high_is_what_low_leaves(schedule, at):
    assert facing(schedule, "high").alpha(at) == 1 - schedule.alpha(at)


def test_swap_gives_the_layers_up_to_its_resolution():
    assert [Swap(16).alpha(r) for r in (4, 8, 16, 32, 1024)] == [1, 1, 1, 0, 0]
    assert [Swap(16, "high").alpha(r) for r in (4, 8, 16, 32, 1024)] == [0, 0, 0, 1, 1]
    assert [Swap(2).alpha(r) for r in RESOLUTIONS] == [0] * 9


@pytest.mark.parametrize("width", [0.25, 1.0, 1.5, 7.0])
def test_sigmoid_is_its_formula(width):
    for r in RESOLUTIONS:
        t = (math.log2(r) - 4 - 0.5) / width
        assert Sigmoid(16, width).alpha(r) == pytest.approx(1 / (1 + math.exp(t)), rel=1e-12)


@pytest.mark.parametrize("width", [5e-324, 1e-308, 1e-6])
def test_the_narrowest_sigmoid_is_a_swap(width):
    assert [Sigmoid(16, width).alpha(r) for r in (4, 16, 32)] == [1, 1, 0]


def test_the_widest_sigmoid_is_a_half():
    assert Sigmoid(16, math.inf).alpha(4) == Sigmoid(16, math.inf).alpha(1024) == 0.5


def test_linear_is_straight_in_octaves():
    assert [Linear(8, 64).alpha(r) for r in (4, 8, 16, 32, 64, 128)] == pytest.approx([1, 1, 2 / 3, 1 / 3, 0, 0])
    assert [Linear(8, 32, "high").alpha(r) for r in (4, 8, 16, 32, 64)] == [0, 0, 0.5, 1, 1]


def test_band_is_its_formula():
    assert Band(32, 1).alpha(32) == 1
    assert Band(32, 2, 0.5).alpha(8) == pytest.approx(0.5 * math.exp(-0.5))
    assert [Band(32, 0, 0.5).alpha(r) for r in (16, 32, 64)] == [0, 0.5, 0]
    assert [Band(32, 5e-324).alpha(r) for r in (16, 32, 64)] == [0, 1, 0]
    assert Band(32, math.inf).alpha(4) == 1


def test_table_and_layers_give_what_they_hold():
    table = Table({16: 0, 4: 1, 8: 0.5})
    assert [table.alpha(r) for r in (4, 8, 16)] == [1, 0.5, 0]
    assert table == Table(((4, 1.0), (8, 0.5), (16, 0.0)))
    assert [Layers((1, 0.5)).alpha(4, layer) for layer in (0, 1)] == [1, 0.5]


@pytest.mark.parametrize(
    ("option", "text", "schedule"),
    [
        ("swap-res", "16", Swap(16)),
        ("sigmoid", "16,1.5", Sigmoid(16, 1.5)),
        ("sigmoid", " 16 , .5 ", Sigmoid(16, 0.5)),
        ("linear", "8,64", Linear(8, 64)),
        ("band", "32,1", Band(32, 1)),
        ("band", "32,1,0.5", Band(32, 1, 0.5)),
        ("alpha", "0.3", Uniform(0.3)),
        ("table", "4=1,8=.5", Table({4: 1, 8: 0.5})),
        ("layers", "1*9,0.5*9", Layers((1,) * 9 + (0.5,) * 9)),
        ("layers", "1,0,.5*2", Layers((1, 0, 0.5, 0.5))),
    ],
)
def test_the_forms_of_the_command_line(option, text, schedule):
    assert option in OPTIONS
    assert parse(option, text) == schedule


def test_transfer_gives_turns_round_what_it_can():
    assert parse("swap-res", "16", "high") == Swap(16, "high")
    assert parse("linear", "8,64", "high") == Linear(8, 64, "high")
    for option, text in [("alpha", "0.3"), ("table", "4=1"), ("layers", "1*4"), ("band", "16,1")]:
        with pytest.raises(
            RecipeError, match="--transfer-gives low: goes with --swap-res, --sigmoid and --linear only"
        ):
            parse(option, text, "low")


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("swap-res", "15", "resolution: found 15, expected a power of two in px, such as 16"),
        ("swap-res", "0", "resolution: found 0, expected a power of two in px, such as 16"),
        ("swap-res", "sixteen", "--swap-res: found 'sixteen', expected a form such as --swap-res 16"),
        ("sigmoid", "16", "--sigmoid: found '16', expected a form such as --sigmoid 16,1.5"),
        ("sigmoid", "16,nan", "width: found nan, expected octaves, 0 or more, such as 1.5"),
        ("sigmoid", "16,-1", "width: found -1.0, expected octaves, 0 or more, such as 1.5"),
        ("linear", "64,8", "linear: found 64,8, expected first < last, such as 8,64"),
        ("band", "32,1,2", "peak: found 2.0, expected a share of TRANSFER between 0 and 1"),
        ("band", "32,1,1,1", "--band: found '32,1,1,1', expected a form such as --band 32,1"),
        ("alpha", "1.5", "alpha: found 1.5, expected a share of TRANSFER between 0 and 1"),
        ("alpha", "nan", "alpha: found nan, expected a share of TRANSFER between 0 and 1"),
        ("table", "4=1,8", "--table: found '4=1,8', expected a form such as --table 4=1,8=0.5,16=0"),
        ("table", "4=1,4=0", "table: 4 px is given twice; give each resolution one alpha"),
        ("table", "4=2", "alpha at 4 px: found 2.0, expected a share of TRANSFER between 0 and 1"),
        ("layers", "1*0", "--layers: found '1*0', expected value*count with a count of 1 … 64"),
        ("layers", "1*1000000000000", "--layers: found '1*1000000000000', expected value*count with a count of 1 … 64"),
        ("layers", "", "--layers: found '', expected a form such as --layers 1*9,0.5*9"),
    ],
)
def test_a_wrong_form_says_what_is_expected(option, text, message):
    with pytest.raises(RecipeError) as caught:
        parse(option, text)
    assert str(caught.value) == message


def test_what_is_not_given_is_an_error():
    with pytest.raises(RecipeError) as caught:
        Table({4: 1, 8: 0.5}).alpha(16)
    assert str(caught.value) == "table: no alpha for 16 px, only for 4, 8; add 16=…"
    with pytest.raises(RecipeError) as caught:
        Layers((1, 0)).alpha(8, 2)
    assert str(caught.value) == "layers: no alpha for layer 2 (8 px), only 2 given"
