"""Frames of videos: which ones, that they are what was shown, and videos that are none."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blendgan.cropping import Cropper
from blendgan.datasets import make_dataset
from blendgan.frames import VideoFrames, _as_file, is_video
from stylegan2.errors import InputError


def level(i: int) -> int:
    """How bright frame i is; known from the frame, even after the codec."""
    return 20 + 8 * i


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """25 frames of one grey each, 10 a second."""
    av: Any = pytest.importorskip("av", reason="videos need PyAV")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10, options={"g": "8", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(25):
            pixels = np.full([48, 64, 3], level(i), np.uint8)
            pixels[:24, :32] += 20  # upper left
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return path


def number_of(data: bytes) -> int:
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (64, 48)
    return round((np.asarray(picture)[36:].mean() - 20) / 8)


@pytest.mark.parametrize(
    ("every_s", "numbers"),
    [(1.0, [0, 10, 20]), (0.5, [0, 5, 10, 15, 20]), (0.25, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]), (99.0, [0]),
     (0.001, list(range(25)))],
)  # fmt: skip
def test_the_first_frame_at_or_after_each_moment(video: Path, every_s: float, numbers: list[int]) -> None:
    frames = VideoFrames(video, every_s)
    assert frames.names == tuple(f"film.mp4@{i / 10:09.3f}s" for i in numbers)
    assert [number_of(frames.open(name)) for name in frames.names] == numbers


def test_frames_may_be_asked_for_in_any_order(video: Path) -> None:
    frames = VideoFrames(video, 0.5)
    assert [number_of(frames.open(frames.names[i])) for i in (3, 1, 1, 4, 0)] == [15, 5, 5, 20, 0]


def test_a_damaged_part_costs_its_frames_alone(video: Path, tmp_path: Path) -> None:
    raw = bytearray(video.read_bytes())
    media = raw.index(b"mdat")
    raw[media + 400 : media + 500] = bytes(100)
    (tmp_path / "hurt.mp4").write_bytes(raw)
    frames = VideoFrames(tmp_path / "hurt.mp4", 0.5)
    assert len(frames.names) == 5
    read = 0
    for name in frames.names:
        try:
            frames.open(name)
            read += 1
        except InputError as error:
            assert str(error).startswith(f"{name}: cannot be decoded (")
    assert read >= 2


def test_a_video_becomes_a_data_set(video: Path, tmp_path: Path) -> None:
    report = make_dataset(
        VideoFrames(video, 1), tmp_path / "out.zip", Cropper("square", 32), duplicates=None, workers=2
    )
    assert [entry.source for entry in report.entries] == [f"film.mp4@{i:05d}.000s" for i in range(3)]
    assert {entry.native_px for entry in report.entries} == {48}


@pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (1, 0)), (-90, (0, 1)), (180, (1, 1))])
def test_a_frame_that_lies_on_its_side_is_set_upright(degrees: int, corner: tuple[int, int]) -> None:
    """`corner`: row and column where the white one comes to lie; degrees are counter-clockwise."""

    class Frame:
        rotation = degrees

        def to_image(self) -> Image.Image:
            picture = Image.new("RGB", (6, 4), "black")
            picture.putpixel((0, 0), (255, 255, 255))
            return picture

    upright = np.asarray(Image.open(io.BytesIO(_as_file(Frame()))))
    row, column = (-1 if end else 0 for end in corner)
    assert upright.shape[:2] == ((4, 6) if degrees in (0, 180) else (6, 4))
    assert upright[row, column].tolist() == [255, 255, 255]


@pytest.mark.parametrize("every_s", [0.0, -1.0, float("nan"), float("inf")])
def test_an_interval_must_be_a_time(tmp_path: Path, every_s: float) -> None:
    with pytest.raises(InputError, match="every: found .*, expected a number of seconds above 0"):
        VideoFrames(tmp_path / "a.mp4", every_s)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="videos need PyAV")
    (tmp_path / "a.mp4").write_bytes(b"once upon a time")
    with pytest.raises(InputError, match=r"a.mp4: cannot be read as a video \(Invalid data"):
        VideoFrames(tmp_path / "a.mp4", 1)


def test_without_pyav_the_way_to_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"a.mp4: videos need PyAV, .*; pip install 'blendgan\[video\]'"):
        VideoFrames(tmp_path / "a.mp4", 1)


def test_videos_are_known_by_their_ending(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    assert is_video(tmp_path / "a.MOV")
    assert not is_video(tmp_path / "folder.mp4")
    assert not is_video(tmp_path / "a.zip")
