"""Faces through frames: who is who, what is bridged, what a cut does. The portrait, moved about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blendgan.samples import write_portrait
from blendgan.tracking import Track, largest, track_faces
from projector.detection import detect

NOISE = 8.0  # levels; that of a phone in a dim room
SIDE_PX = 160


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    path: Path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    write_portrait(path)
    return Image.open(path).convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)


def moved(portrait: Image.Image, t: int) -> np.ndarray:
    """The portrait at a moment: it drifts and turns slowly, under noise."""
    turned = portrait.rotate(0.3 * t, Image.Resampling.BICUBIC, translate=(0.4 * t, 0.2 * t))
    noise = np.random.default_rng(t).normal(0, NOISE, (SIDE_PX, SIDE_PX, 3))
    return (np.asarray(turned) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.slow
def test_points_lose_their_jitter_and_stay_where_they_are(portrait: Image.Image) -> None:
    frames = [moved(portrait, t) for t in range(20)]
    (track,) = track_faces(frames, sigma=2.0)
    assert (track.first, len(track.points)) == (0, 20)
    found = np.stack([detect(frame)[0].points for frame in frames])
    jitter, before = (np.diff(points, 2, axis=0)[2:-2].std() for points in (track.points, found))
    assert jitter < before / 5
    assert np.abs(track.points - found).mean() < 1.0  # px, of a face of 60


def test_a_face_that_is_hidden_for_two_frames_is_bridged(portrait: Image.Image) -> None:
    frames = [moved(portrait, t) for t in range(12)]
    for t in (5, 6):
        frames[t][30:110, 40:130] = 128
    (track,) = track_faces(frames, sigma=2.0)
    assert (track.first, len(track.points)) == (0, 12)
    (whole,) = track_faces([moved(portrait, t) for t in range(12)], sigma=2.0)
    assert np.abs(track.points - whole.points).max() < 3


def test_a_cut_starts_anew_and_who_comes_late_is_followed_back(portrait: Image.Image) -> None:
    small = Image.new("RGB", (SIDE_PX, SIDE_PX), (0, 60, 0))
    small.paste(portrait.resize((110, 110)), (50, 50))
    empty = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    frames = [moved(portrait, t) for t in range(4)] + [empty] * 3 + [np.asarray(small)] * 4
    first, second = track_faces(frames, sigma=1.0)
    assert (first.first, first.after) == (0, 4)
    assert (second.first, second.after) == (7, 11)
    assert track_faces([empty] * 3, sigma=1.0) == ()


def test_the_largest_of_those_that_are_there_at_one_time() -> None:
    def track(first: int, count: int, size: float) -> Track:
        points = size * np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
        return Track(first, np.repeat(points[None], count, 0), 1.0)

    big, small, later = track(0, 10, 50), track(3, 4, 20), track(10, 5, 10)
    assert largest([small, later, big]) == (big, later)
