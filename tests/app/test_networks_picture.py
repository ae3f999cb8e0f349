"""The part of a picture that is shown, and its noise: the same as the whole's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="app.address needs streamlit: blendgan[app]")

from app.networks.picture import Part, part_of, with_noise

PICTURE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)


def test_a_part_has_the_noise_of_the_whole():
    whole = with_noise(PICTURE, 20, 3)
    assert not np.array_equal(whole, PICTURE) and not np.array_equal(whole, with_noise(PICTURE, 20, 4))
    part = with_noise(PICTURE[11:30, 7:40], 20, 3, (11, 7))
    assert np.array_equal(part, whole[11:30, 7:40])
    assert with_noise(PICTURE, 0, 3) is PICTURE


def test_noise_has_the_deviation_that_it_is_told():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noise = with_noise(grey, 25, 0).astype(float) - 128
    assert noise.std() == pytest.approx(25, rel=0.01) and abs(noise.mean()) < 0.3
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.02  # rows have patterns of their own


def test_a_grey_picture_has_grey_noise():
    grey = np.repeat(PICTURE[..., :1], 3, axis=2)
    noisy = with_noise(grey, 20, 3, is_grey=True)
    assert (noisy[..., 0] == noisy[..., 2]).all() and not np.array_equal(noisy, grey)
    assert not np.array_equal(noisy, with_noise(grey, 20, 3))


@pytest.mark.parametrize(
    ("place", "expected"),
    [((0, 0), (0, 0)), ((1, 1), (38, 18)), ((0.5, 0.5), (19, 9))],
)
def test_a_place_is_a_share_of_the_way(place, expected):
    part = part_of((70, 50), 32, place, 4)
    assert (part.left, part.top) == expected and (part.width, part.height) == (32, 32)


def test_a_small_picture_is_shown_whole():
    assert part_of((70, 50), 96, (0.3, 0.9), 4) == Part(0, 0, 70, 50, 4)
    assert part_of((700, 50), 96, (1, 1), 4) == Part(604, 0, 96, 50, 4)


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (0.4, 0.6)])
def test_the_margin_ends_where_the_picture_does(place):
    part = part_of((70, 50), 16, place, 20)
    around, inside = part.around(PICTURE)
    assert np.array_equal(inside.cut(around), part.cut(PICTURE)) and max(around.shape) <= 56
    enlarged = around.repeat(2, 0).repeat(2, 1)
    assert np.array_equal(inside.times(2).cut(enlarged), part.cut(PICTURE).repeat(2, 0).repeat(2, 1))
