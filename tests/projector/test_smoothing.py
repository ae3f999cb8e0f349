"""Smooth values over time: what is kept exactly, what is bridged, how much noise goes."""

from __future__ import annotations

import numpy as np
import pytest

from projector.smoothing import reach_of, smooth, weights

EVERY = np.ones(40, bool)
TIME = np.arange(40.0)


def test_even_motion_and_even_acceleration_stay_where_they_are() -> None:
    line = np.stack([3 * TIME - 7, 0 * TIME + 5], axis=1)  # [T, 2]
    assert np.allclose(smooth(line, EVERY, 2.0), line)
    inside = slice(2, -2)
    assert np.allclose(smooth(0.5 * TIME**2, EVERY, 2.0)[inside], (0.5 * TIME**2)[inside])


def test_there_is_no_lag() -> None:
    step = (TIME >= 20).astype(float)
    smoothed = smooth(step, EVERY, 2.0)
    assert np.allclose(smoothed[2:-2] + smoothed[::-1][2:-2], 1)  # the same from both sides
    wave = np.sin(2 * np.pi * TIME / 20)
    assert np.abs(smooth(wave, EVERY, 2.0) - wave)[6:-6].max() < 0.04  # 1.5 swings a second at 30 frames a second


def test_noise_falls() -> None:
    noise = np.random.default_rng(0).normal(size=2000)
    jitter = np.diff(smooth(noise, np.ones(2000, bool), 2.0), 2).std() / np.diff(noise, 2).std()
    assert jitter < 1 / 12


def test_gaps_are_bridged_and_what_stands_in_them_does_not_count() -> None:
    line, is_known = 2 * TIME, EVERY.copy()
    is_known[10:13] = False
    line[10:13] = 1e6
    assert np.allclose(smooth(line, is_known, 2.0), 2 * TIME)
    alone = np.zeros(40, bool)
    alone[5] = True
    assert np.allclose(smooth(TIME, alone, 1.0), 5)
    with pytest.raises(ValueError, match="found no known value"):
        smooth(TIME, ~EVERY, 1.0)


def test_weights() -> None:
    assert reach_of(2.0) == 6
    for offsets in ([0], [-3, 4], [-2, -1, 0, 1, 2], [0, 1, 2, 3], [3]):
        assert weights(np.array(offsets), 1.5).sum() == pytest.approx(1)
    assert np.argmax(weights(np.arange(-6, 7), 2.0)) == 6
