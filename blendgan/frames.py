"""Frames of a video as pictures: one every so many seconds. Through PyAV, where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from stylegan2.errors import InputError
from stylegan2.train.labels import Label, Labels

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts")
TURNS = {  # degrees counter-clockwise that a file asks for → what turns the frame
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


class VideoFrames:
    """A video's frames at 0 s, `every_s`, twice that … after its first, as a source of pictures.

    They are best asked for in their order, since a video is decoded forwards. Raises InputError where PyAV is not
    installed, where the file holds no video, and for an interval that is no time.
    """

    def __init__(self, path: Path, every_s: float) -> None:
        if not (math.isfinite(every_s) and every_s > 0):
            raise InputError(f"every: found {every_s:g}, expected a number of seconds above 0, such as 1")
        if importlib.util.find_spec("av") is None:
            raise InputError(f"{path}: videos need PyAV, which is not installed; pip install 'blendgan[video]'")
        self._av: Any = importlib.import_module("av")
        self._path = path
        self.place = str(path)
        self.remarks: tuple[str, ...] = ()
        self.labels = Labels()
        self._times = {self._name(pts, unit, first): pts for pts, unit, first in self._chosen(every_s)}
        self.names = tuple(self._times)
        self._frames: Iterator[Any] = iter(())
        self._behind = math.inf  # the time of the last frame that was decoded; there is none yet

    def label(self, name: str) -> Label | None:
        """Frames have no labels."""
        return None

    def open(self, name: str) -> bytes:
        """Return a frame as an upright, lossless picture file. Raises InputError where it cannot be decoded."""
        wanted = self._times[name]
        if wanted <= self._behind:
            self._frames = self._decoded()
        for frame in self._frames:
            self._behind = frame.pts
            if frame.pts >= wanted:
                return _as_file(frame)
        self._behind = math.inf
        raise InputError(f"{name}: cannot be decoded (the video ends before, or is damaged there)")

    def _name(self, pts: int, unit: float, first: int) -> str:
        return f"{self._path.name}@{(pts - first) * unit:09.3f}s"

    def _chosen(self, every_s: float) -> Iterator[tuple[int, float, int]]:
        """(time, its unit in s, time of the first frame) of the first frame at or after each moment.

        Only the packets are looked at, not their pictures.
        """
        with self._opened() as (film, stream):
            unit = float(stream.time_base)
            times = sorted({packet.pts for packet in film.demux(stream) if packet.pts is not None})
        if not times:
            raise InputError(f"{self._path}: found no frames, expected a video")
        moment = 0
        for time in times:
            if (time - times[0]) * unit >= moment * every_s - unit / 2:
                yield time, unit, times[0]
                moment = math.floor((time - times[0]) * unit / every_s + 1e-6) + 1

    def _decoded(self) -> Iterator[Any]:
        """Every frame that can be decoded, in the order of showing."""
        with self._opened() as (film, stream):
            stream.thread_type = "AUTO"
            for packet in film.demux(stream):
                try:
                    frames = packet.decode()
                except self._av.error.FFmpegError:
                    continue  # a damaged part: the next whole frame stands for it
                yield from (frame for frame in frames if frame.pts is not None)

    def _opened(self) -> _Film:
        return _Film(self._av, self._path)


class _Film:
    """An open video and its first stream of pictures."""

    def __init__(self, av: Any, path: Path) -> None:
        try:
            self._film = av.open(str(path))
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path}: cannot be read as a video ({error.strerror or error})") from error
        if not self._film.streams.video:
            self._film.close()
            raise InputError(f"{path}: found no pictures in it, expected a video")

    def __enter__(self) -> tuple[Any, Any]:
        return self._film, self._film.streams.video[0]

    def __exit__(self, *raised: object) -> None:
        self._film.close()


def _as_file(frame: Any) -> bytes:
    """As PPM: nothing is lost, and hardly any time."""
    picture: Image.Image = frame.to_image()
    turn = TURNS.get(round(frame.rotation) % 360)
    file = io.BytesIO()
    (picture if turn is None else picture.transpose(turn)).save(file, "PPM")
    return file.getvalue()
