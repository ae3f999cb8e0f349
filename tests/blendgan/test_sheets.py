"""XY sheets: what each cell is, that each blend is made once, and that a picture stands at its crossing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from blendgan import live, sheets
from blendgan.axes import Axis
from blendgan.images import to_pictures
from blendgan.rendering import Setting, open_renderer
from blendgan.schedule import Sigmoid, Swap, Table, Uniform
from blendgan.sheets import Cell, cells
from stylegan2.errors import RecipeError

RESOLUTIONS = (4, 8, 16)
RECOMMENDED = Swap(8, "high")


@pytest.fixture
def lively(pico):
    """As `pico`, but its seeds differ: random numbers times the usual multiplier, 0.01, would map all z to one w."""
    return lambda seed: pico(seed, config=dataclasses.replace(pico().config, lr_multiplier=1.0))


def axis(name, *values):
    return Axis(name, tuple(map(str, values)), values)


def test_a_share_beside_a_swap_is_the_share_of_transfers_side():
    rows = cells(axis("swap-res", 4, 8), axis("alpha", 0.25, 1.0), {"seeds": 3}, RECOMMENDED, RESOLUTIONS)
    assert rows == (
        (Cell(Table({4: 0.25, 8: 0, 16: 0}), 3), Cell(Table({4: 0.25, 8: 0.25, 16: 0}), 3)),
        (Cell(Swap(4), 3), Cell(Swap(8), 3)),
    )
    high = {"alpha": 0.5, "transfer-gives": "high"}
    (turned,) = cells(axis("swap-res", 4), axis("seeds", 0), high, RECOMMENDED, RESOLUTIONS)
    assert turned == (Cell(Table({4: 0, 8: 0.5, 16: 0.5}), 0),)


def test_the_other_axes():
    seeds = axis("seeds", 7)
    for one, fixed, expected in (
        (axis("alpha", 0.3), {}, Uniform(0.3)),
        (axis("schedules", Sigmoid(8, 1)), {"transfer-gives": "high"}, Sigmoid(8, 1, "high")),
        (axis("transfer-gives", "low"), {}, Swap(8, "low")),
        (axis("transfer-gives", "high"), {"swap-res": 4}, Swap(4, "high")),
        (axis("swap-res", 16), {}, Swap(16)),  # as everywhere, low unless said
    ):
        assert cells(one, seeds, {"seeds": 0, **fixed}, RECOMMENDED, RESOLUTIONS) == ((Cell(expected, 7),),)


@pytest.mark.parametrize(
    ("x", "y", "fixed", "message"),
    [
        (axis("seeds", 1), axis("seeds", 2), {}, "axes: both are seeds; choose two of swap-res, alpha, seeds"),
        (axis("schedules", Swap(4)), axis("alpha", 1), {}, "schedules: they say themselves how to blend; leave out"),
        (axis("schedules", Swap(4)), axis("seeds", 1), {"swap-res": 8}, "schedules: they say themselves"),
        (axis("transfer-gives", "low"), axis("alpha", 1), {}, "--transfer-gives low: goes with"),
        (axis("swap-res", 5), axis("seeds", 1), {}, "resolution: found 5, expected a power of two"),
        (axis("seeds", 1), axis("swap-res", 4), {"alpha": 2.0}, "alpha at 4 px: found 2.0, expected a share"),
    ],
)
def test_words_that_contradict_each_other(x, y, fixed, message):
    with pytest.raises(RecipeError, match=message):
        cells(x, y, {"seeds": 0, **fixed}, RECOMMENDED, RESOLUTIONS)


def test_each_blend_is_made_once_and_each_picture_stands_at_its_crossing(lively, monkeypatch):
    made = []
    blend = live.blend_fitted
    monkeypatch.setattr(live, "blend_fitted", lambda *given: made.append(given[2]) or blend(*given))
    table = cells(axis("seeds", 1, 2, 5), axis("alpha", 0.0, 0.5), {"seeds": 0}, RECOMMENDED, RESOLUTIONS)
    pictures = dict(sheets.draw(table, lively(0), lively(1), Setting()))
    assert [recipe.schedule for recipe in made] == [Uniform(0.0), Uniform(0.5)]
    assert len(pictures) == sheets.distinct_count(table) == 6
    rows = sheets.collect(table, pictures)
    assert rows[0].shape == (3, 3, 16, 16)
    base = open_renderer(lively(0))
    face = base.draw(base.styles_of([2]))
    assert torch.equal(rows[0][1:2], face)
    assert not torch.equal(rows[1][1:2], face)
    sheet = np.asarray(sheets.lay_out(axis("seeds", 1, 2, 5), ("a", "b"), rows))
    corner = to_pictures(rows[1][2:])[0].resize((128, 128), 1)  # Lanczos
    assert np.array_equal(sheet[-128:, -128:], np.asarray(corner))


def test_a_cell_that_comes_twice_is_drawn_once(lively):
    table = cells(axis("swap-res", 16, 32), axis("alpha", 0.0), {"seeds": 0}, RECOMMENDED, RESOLUTIONS)
    assert table[0][0] == table[0][1]
    assert len(list(sheets.draw(table, lively(0), lively(1), Setting()))) == 1
