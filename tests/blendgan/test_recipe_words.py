"""Recipes in the command line's words: both ways, and never less than the whole recipe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendgan.channels import Ramp, Region, Top
from blendgan.cli.recipes import recipe_from_words as of_command_line
from blendgan.recipe import DEFAULT, Model, Recipe, Transfer, recipe_of
from blendgan.recipe_files import dumps_flow, read_recipe
from blendgan.recipe_words import from_words, to_options, to_words
from blendgan.schedule import Band, Layers, Linear, Sigmoid, Swap, Table, Uniform
from blendgan.sources import open_source
from stylegan2.errors import RecipeError

RECIPES = (
    recipe_of(Swap(8)),
    recipe_of(Sigmoid(16, 1.5, "high"), noise=0.5),
    recipe_of(Sigmoid(16, float("inf"))),
    recipe_of(Linear(4, 16), mapping="transfer", w_avg=0.25),
    recipe_of(Band(8, 0.5, 0.75)),
    recipe_of(Uniform(0.3)),
    recipe_of(Table({4: 0, 8: 0.37, 16: 1})),
    recipe_of(Layers((1, 0.5, 0.5, 0, 0, 1))),
    Recipe((Transfer(Swap(8), channels=Ramp(0.0, 1.0)),)),
    Recipe((Transfer(Uniform(1.0), channels=Top(0.25, "change")),), noise="transfer"),
    Recipe((Transfer(Swap(4), channels=Region((0.3, 0.2, 0.7, 0.5), 0.2)),)),
)
WORDLESS = (
    Recipe((Transfer(Swap(8), 0.5),)),
    recipe_of(Table({4: 1 / 3, 8: 0, 16: 1})),  # words have six digits
    Recipe((Transfer(Swap(8), 0.5), Transfer(Swap(4), 0.5))),
    Recipe((Transfer(Swap(8), 2.0),), task_vectors=True),
    Recipe((Transfer(Swap(8)),), size="larger"),
)


@pytest.mark.parametrize("recipe", RECIPES)
def test_words_say_all_of_a_recipe(recipe):
    words = to_words(recipe)
    assert words is not None and from_words(words, DEFAULT) == recipe


@pytest.mark.parametrize("recipe", WORDLESS)
def test_what_words_do_not_say_exactly_has_none(recipe):
    assert to_words(recipe) is None


@given(st.dictionaries(st.sampled_from([4, 8, 16]), st.integers(0, 100).map(lambda n: n / 100), min_size=3))
def test_a_dragged_curve_has_words(alphas):
    recipe = recipe_of(Table(alphas))
    assert from_words(to_words(recipe), DEFAULT) == recipe


@pytest.mark.parametrize("recipe", RECIPES)
def test_options_make_the_recipe_again(recipe, pico):
    """As `blend` reads them, over what TRANSFER recommends."""
    sources = tuple(open_source(pico(seed)) for seed in (0, 1))
    options = to_options(recipe, DEFAULT)
    given_words = dict(zip(options[::2], options[1::2], strict=True))
    words = {key.removeprefix("--").replace("-", "_"): value for key, value in given_words.items()}
    words["schedule"] = (options[0].removeprefix("--"), options[1])
    assert of_command_line(sources, words) == recipe


def test_options_over_a_recommendation_with_channels_are_none():
    own = Recipe((Transfer(Swap(8), channels=Ramp(0.0, 1.0)),), noise="transfer")
    assert to_options(recipe_of(Swap(4)), own) is None
    assert to_options(own, own) == ["--swap-res", "8", "--transfer-gives", "low"]


@pytest.mark.parametrize("recipe", (*RECIPES, *WORDLESS))
def test_a_recipe_in_one_line_is_read_back(recipe):
    line = dumps_flow(recipe)
    assert "\n" not in line and read_recipe(line) == recipe


def test_a_recipe_in_one_line_names_its_models():
    recipe = Recipe((Transfer(Swap(8, "high"), model=Model("b.pkl")),), base=Model("a.pkl"))
    line = dumps_flow(recipe)
    assert line == "{base: a.pkl, transfers: [b.pkl], schedule: swap-res 8 high}"
    assert read_recipe(line) == recipe


def test_wrong_words_are_named():
    with pytest.raises(RecipeError, match="schedule: found 'swap 8'"):
        from_words({"schedule": "swap 8"}, DEFAULT)
    with pytest.raises(RecipeError, match="noise: found 2.0"):
        from_words({"noise": "2"}, DEFAULT)
