"""Walks pass through their seeds and close; morphs go from BASE to TRANSFER and blend each alpha once."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from blendgan import live, walks
from blendgan.images import enlarge, to_pictures
from blendgan.rendering import Setting, open_renderer
from blendgan.schedule import Uniform
from stylegan2.errors import InputError

KEYS = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def lively(pico):
    """As `pico`, but its seeds differ: random numbers times the usual multiplier, 0.01, would map all z to one w."""
    return lambda seed: pico(seed, config=dataclasses.replace(pico().config, lr_multiplier=1.0))


@pytest.mark.parametrize("ends", ["closed", "open"])
def test_the_spline_passes_through_its_keys(ends):
    for i, key in enumerate(KEYS):
        torch.testing.assert_close(walks.spline(KEYS, float(i), ends), key)


def test_the_closed_spline_has_no_seam():
    step = 1e-5
    before, at, after = (walks.spline(KEYS.double(), t, "closed") for t in (4 - step, 4.0, 4 + step))
    torch.testing.assert_close(at, KEYS[0].double())
    torch.testing.assert_close((at - before) / step, (after - at) / step, atol=1e-3, rtol=0)
    torch.testing.assert_close((after - before) / (2 * step), (KEYS[1] - KEYS[3]).double() / 2, atol=1e-4, rtol=0)


def test_a_spline_through_a_line_stays_on_it():
    line = torch.arange(5.0)[:, None] * KEYS[0]
    torch.testing.assert_close(walks.spline(line, 1.3, "open"), 1.3 * KEYS[0])


def test_an_arc_turns_evenly():
    units = KEYS / KEYS.norm(dim=1, keepdim=True)
    points = [walks.arc(KEYS, t, "open") for t in (0.0, 0.25, 0.5, 1.0)]
    whole = math.acos(float(units[0] @ units[1]))
    torch.testing.assert_close(points[0], units[0])
    torch.testing.assert_close(points[3], units[1])
    for point, share in zip(points, (0.0, 0.25, 0.5, 1.0), strict=True):
        assert float(point.norm()) == pytest.approx(1, abs=1e-5)
        assert math.atan2(float((point - units[0]).norm()), float((point + units[0]).norm())) * 2 == pytest.approx(
            share * whole, abs=1e-5
        )


def test_an_arc_between_equal_keys_stays():
    same = KEYS[:1].repeat(2, 1)
    torch.testing.assert_close(walks.arc(same, 0.5, "closed"), KEYS[0] / KEYS[0].norm())


def test_times():
    assert walks.times(3, 6, "closed") == [0, 0.5, 1, 1.5, 2, 2.5]
    assert walks.times(3, 5, "open") == [0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize("space", ["w", "z"])
def test_a_walk_shows_its_seeds(lively, space):
    renderer = open_renderer(lively(3), Setting(0.8))
    frames = list(walks.walk(renderer, (4, 9), 4, space))
    for frame, seed in ((frames[0], 4), (frames[2], 9)):
        expected = np.asarray(enlarge(to_pictures(renderer.draw(renderer.styles_of([seed])))[0], 256)).astype(int)
        assert frame.size == (256, 256)
        assert np.abs(np.asarray(frame) - expected).max() <= 2  # z is scaled to length 1 on the way
    assert not np.array_equal(np.asarray(frames[0]), np.asarray(frames[1]))
    assert not np.array_equal(np.asarray(frames[0]), np.asarray(frames[2]))


def test_the_spaces_differ_between_seeds(lively):
    renderer = open_renderer(lively(3))
    through = [np.asarray(list(walks.walk(renderer, (4, 9), 2, space, "closed"))[0]) for space in ("w", "z")]
    halfway = [
        np.asarray(list(walks.walk(renderer, (4, 9), 4, space, "closed"))[1]).astype(int) for space in ("w", "z")
    ]
    assert np.abs(through[0].astype(int) - through[1]).max() <= 2
    assert np.abs(halfway[0] - halfway[1]).max() > 2


@pytest.mark.parametrize(("seeds", "frames"), [((1,), 10), ((1, 2), 1)])
def test_a_walk_needs_two_of_each(lively, seeds, frames):
    with pytest.raises(InputError, match=f"walk: found {len(seeds)} seeds and {frames} frames, expected two or more"):
        next(walks.walk(open_renderer(lively(3)), seeds, frames))


@pytest.mark.parametrize(
    ("frames", "alphas"), [(2, [0, 1]), (3, [0, 1, 1]), (4, [0, 0.5, 1, 0.5]), (5, [0, 0.5, 1, 1, 0.5])]
)
def test_there_and_back(frames, alphas):
    assert walks.there_and_back(frames) == alphas


def test_one_way():
    assert walks.one_way(5) == [0, 0.25, 0.5, 0.75, 1]
    for way in (walks.one_way, walks.there_and_back):
        with pytest.raises(InputError, match="frames: found 1, expected 2 or more"):
            way(1)


def test_a_morph_blends_each_alpha_once_and_keeps_the_faces(lively, monkeypatch):
    asked = []
    blend = live.blend_fitted

    def asking(fitted, models, recipe, gains):
        asked.append(recipe)
        return blend(fitted, models, recipe, gains)

    monkeypatch.setattr(live, "blend_fitted", asking)
    frames = [np.asarray(frame) for frame in walks.morph(lively(0), lively(1), walks.there_and_back(4), (2, 5))]
    assert [recipe.schedule for recipe in asked] == [Uniform(0.0), Uniform(0.5), Uniform(1.0)]
    assert np.array_equal(frames[1], frames[3])
    base = open_renderer(lively(0))
    face = np.asarray(enlarge(to_pictures(base.draw(base.styles_of([5])))[0], 128))
    assert np.array_equal(frames[0][-128:, -128:], face)
    assert not np.array_equal(frames[2][-128:, -128:], face)
