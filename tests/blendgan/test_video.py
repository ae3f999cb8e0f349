"""Films hold their frames, their pace and their text; the same frames give the same bytes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from blendgan import video
from stylegan2.errors import InputError

with_av = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV (the extra `video`) is not there")
LEVELS = (20, 90, 160, 230)


def frames(size: tuple[int, int] = (64, 48)) -> list[Image.Image]:
    """Four frames, each of one grey."""
    return [Image.new("RGB", size, (level, level, level)) for level in LEVELS]


def seen(path: Path) -> list[np.ndarray]:
    if path.suffix == ".mp4":
        av = importlib.import_module("av")
        with av.open(str(path)) as film:
            return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]


@pytest.mark.parametrize("ending", [pytest.param(".mp4", marks=with_av), ".webp", ".gif"])
def test_a_film_holds_its_frames(tmp_path, ending):
    path = tmp_path / "new" / f"film{ending}"
    video.write_video(path, frames(), fps=10)
    found = seen(path)
    assert [frame.shape for frame in found] == [(48, 64, 3)] * 4
    assert [int(frame[20, 20, 1]) for frame in found] == pytest.approx(LEVELS, abs=4)


@pytest.mark.parametrize("ending", [pytest.param(".mp4", marks=with_av), ".webp", ".gif"])
def test_the_same_frames_give_the_same_bytes_and_nothing_is_left_beside(tmp_path, ending):
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        video.write_video(path, iter(frames()), fps=10, text="how")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths


@with_av
def test_odd_sizes_are_padded_and_the_pace_is_kept(tmp_path):
    av = importlib.import_module("av")
    video.write_video(tmp_path / "film.mp4", frames((63, 47)), fps=12, text="how it was made")
    with av.open(str(tmp_path / "film.mp4")) as film:
        (stream,) = film.streams.video
        assert (stream.width, stream.height, stream.average_rate, stream.frames) == (64, 48, 12, 4)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert film.metadata["comment"] == "how it was made"
    assert np.abs(seen(tmp_path / "film.mp4")[0][40:46, 50:60].astype(int) - 20).max() <= 4


def test_pillows_films_loop_keep_the_pace_and_carry_the_text(tmp_path):
    for ending in (".webp", ".gif"):
        video.write_video(tmp_path / f"film{ending}", frames(), fps=30, text="how")
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.info["loop"], film.info["comment"]) == (0, b"how")
        assert [frame.info["duration"] for frame in ImageSequence.Iterator(film)] == [30, 40, 30, 30]
    with Image.open(tmp_path / "film.webp") as film:
        assert (film.info["loop"], film.n_frames, film.getexif()[video.IMAGE_DESCRIPTION]) == (0, 4, "how")


def test_rounding_does_not_add_up():
    stays = video.durations(300, 30, 100)
    assert sum(stays) == 1000
    assert set(stays) == {3, 4}


def test_a_film_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield from frames()
        raise InputError("no more")

    for ending in video._WRITERS:
        if ending != ".mp4" or video.default_ending() == ".mp4":
            with pytest.raises(InputError, match="no more"):
                video.write_video(tmp_path / f"film{ending}", broken(), fps=10)
    with pytest.raises(InputError, match=r"film.gif: found no frames, expected one or more"):
        video.write_video(tmp_path / "film.gif", [], fps=10)
    assert list(tmp_path.iterdir()) == []


def test_without_av(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert video.default_ending() == ".webp"
    with pytest.raises(InputError) as caught:
        video.check_target(Path("film.mp4"))
    assert str(caught.value) == (
        "film.mp4: .mp4 needs PyAV, which is not installed; pip install 'blendgan[video]', or write .webp or .gif"
    )
    video.check_target(Path("film.gif"))


def test_other_endings():
    with pytest.raises(InputError, match=r"film.avi: found the ending '.avi', expected one of .mp4, .webp, .gif"):
        video.check_target(Path("film.avi"))
