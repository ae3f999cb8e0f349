"""The barrier of losses that are known."""

from __future__ import annotations

import math

import pytest

from blendgan.dni.barrier import barrier
from stylegan2.errors import InputError

ALPHAS = (0, 0.25, 0.5, 0.75, 1)


def test_a_straight_line_has_none():
    found = barrier(ALPHAS, (4.0, 3.5, 3.0, 2.5, 2.0))
    assert (found.height, found.height_db, found.gain) == (0, 0, 0)
    assert found.verdict == "interpolates"
    assert found.over_ends_db == pytest.approx(10 * math.log10(2 / 2.5))


def test_a_hill_is_told_where_it_is_highest_above_the_line():
    found = barrier(ALPHAS, (4.0, 4.5, 6.0, 2.75, 2.0))
    assert (found.worst, found.height) == (0.5, 3.0)
    assert found.height_db == pytest.approx(10 * math.log10(2))
    assert (found.best, found.gain) == (0.75, -0.25)
    assert found.verdict == "barrier"
    assert "worse than the line" in found.sentence
    assert "+3.01 dB" in found.sentence


def test_a_valley_is_a_gain():
    found = barrier(ALPHAS, (4.0, 2.0, 1.0, 1.5, 2.0))
    assert (found.best, found.gain) == (0.5, 2.0)
    assert found.gain_db == pytest.approx(10 * math.log10(3))
    assert found.over_ends_db == pytest.approx(10 * math.log10(2))
    assert found.height < 0
    assert found.verdict == "interpolates"
    assert "no barrier" in found.sentence
    assert "3.01 dB better than the better end" in found.sentence


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.02, "interpolates"), (1.05, "small barrier"), (1.2, "barrier"), (0.5, "interpolates")]
)
def test_the_verdict_follows_the_height(factor, verdict):
    assert barrier((0, 0.5, 1), (2.0, 2.0 * factor, 2.0)).verdict == verdict


def test_a_network_that_does_nothing_is_told():
    losses = (1.0, 8.0, 9.5, 8.0, 1.0)
    assert barrier(ALPHAS, losses, input_loss=10).verdict == "no common ground"
    assert barrier(ALPHAS, losses, input_loss=20).verdict == "barrier"
    assert barrier(ALPHAS, losses).verdict == "barrier"


def test_the_order_does_not_matter():
    assert barrier((1, 0.5, 0), (2.0, 6.0, 4.0)) == barrier((0, 0.5, 1), (4.0, 6.0, 2.0))


def test_losses_of_nothing_have_no_logarithm():
    found = barrier((0, 0.5, 1), (0.0, 0.0, 0.0))
    assert (found.height_db, found.verdict) == (0, "interpolates")


def test_what_is_no_barrier():
    with pytest.raises(InputError, match=r"barrier: found α from 0.25 to 1, expected 0 to 1"):
        barrier((0.25, 1), (1.0, 1.0))
    with pytest.raises(InputError, match=r"barrier: found a loss of nan at α = 0.5, expected a number"):
        barrier((0, 0.5, 1), (1.0, math.nan, 1.0))
    assert barrier((0, 1), (1.0, 2.0)).verdict == "nothing between"
