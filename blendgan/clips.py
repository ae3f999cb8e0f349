"""Videos: their frames, upright and in time, and files of the same pace with the same sound. Through PyAV."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from blendgan.animations import Frame, is_animated
from blendgan.inputs import VIDEOS
from blendgan.video import QUALITY
from stylegan2.errors import InputError

FORMS = {  # ending of the result → container, encoder, its options
    ".mp4": ("mp4", "libx264", QUALITY),
    ".m4v": ("mp4", "libx264", QUALITY),
    ".mov": ("mov", "libx264", QUALITY),
    ".mkv": ("matroska", "libx264", QUALITY),
    ".webm": ("webm", "libvpx-vp9", {"crf": "20", "b": "0", "cpu-used": "4", "row-mt": "0"}),
}
OTHERWISE = ".mp4"  # .avi, .mpg, .ts …: what they hold today, their own players hold as well
PIXEL_FORMAT = "yuv420p"  # what every player shows
SCALES = {1: 1, 5: 5, 6: 5, 9: 9}  # colour space of a frame (ITU-T H.273, table 4) → FFmpeg's number for converting
QUARTERS = {90: 1, 180: 2, 270: 3}  # degrees counter-clockwise that a file asks for → np.rot90's turns
USUAL_FPS = 25.0  # where the file does not say


def result_suffix(path: Path) -> str:
    """Return the ending that a video's result has."""
    return path.suffix.lower() if path.suffix.lower() in FORMS else OTHERWISE


Pixels = NDArray[np.uint8]


def is_moving(path: Path) -> bool:
    """Whether a file is a video by its ending, or a picture with several frames."""
    return path.suffix.lower() in VIDEOS or is_animated(path)


def moving_result(path: Path, still: Path) -> Path:
    """Return the name of a film's result where a still photo's would be `still`: of the film's own kind, if it can."""
    suffix = result_suffix(path) if path.suffix.lower() in VIDEOS else path.suffix.lower()
    return still.with_suffix(suffix)


@dataclass(frozen=True, eq=False)
class Clip:
    """A video file, read frame by frame, as often as is asked. Raises InputError without PyAV."""

    path: Path

    def __post_init__(self) -> None:
        if importlib.util.find_spec("av") is None:
            raise InputError(f"{self.path}: videos need PyAV, which is not installed; pip install 'blendgan[video]'")

    def frames(self) -> Iterator[Frame]:
        """Yield every frame that can be decoded, in the order of showing. Raises InputError for what is no video."""
        with self._opened() as film:
            for packet in film.demux(film.streams.video[0]):
                yield from self._decoded(packet)

    @cached_property
    def fps(self) -> float:
        """Frames per second, on the whole."""
        with self._opened() as film:
            return float(film.streams.video[0].average_rate or USUAL_FPS)

    @cached_property
    def count(self) -> int:
        """How many frames there are, as far as the file says or its length tells; 0 if it does not."""
        with self._opened() as film:
            stream = film.streams.video[0]
            return int(stream.frames or (film.duration or 0) / 1e6 * self.fps)  # duration: in microseconds

    def write(self, file: BinaryIO, frames: Iterator[tuple[Frame, Pixels]], text: str = "") -> str:
        """Write frames, in their order, each with its new pixels, at their times; the sound is copied as it is.

        A frame whose pixels are its own goes by without a change of colour space. `text` goes into the comment.
        Returns the name of a sound that this container cannot hold, which stays behind; empty otherwise.
        """
        container, codec, options = FORMS[result_suffix(self.path)]
        with self._opened() as film, self._av.open(file, "w", format=container) as result:
            if text:
                result.metadata["comment"] = text
            first, frames = _peek(frames)
            stream = _stream_like(film.streams.video[0], first, result.add_stream(codec, options=options))
            sound = _Sound(film, result)
            for frame, pixels in frames:
                result.mux(stream.encode(self._encodable(frame, pixels, stream)))
                sound.copy_until(frame.source.time)
            result.mux(stream.encode())
            sound.copy_until(math.inf)
            return sound.left_behind

    @property
    def _av(self) -> Any:
        return importlib.import_module("av")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The file; what FFmpeg finds wrong with it becomes one line."""
        try:
            with self._av.open(str(self.path)) as film:
                if not film.streams.video:
                    raise InputError(f"{self.path}: found no pictures in it, expected a video")
                film.streams.video[0].thread_type = "AUTO"
                yield film
        except (self._av.error.FFmpegError, FileNotFoundError) as error:
            raise InputError(f"{self.path}: cannot be read as a video ({error.strerror or error})") from error

    def _decoded(self, packet: Any) -> Iterator[Frame]:
        try:
            sources = packet.decode()
        except self._av.error.FFmpegError:
            return  # a damaged part: the film goes on with its next whole frame
        for source in sources:
            if source.pts is not None:
                pixels = source.to_ndarray(format="rgb24")
                yield Frame(np.ascontiguousarray(np.rot90(pixels, QUARTERS.get(_turn(source), 0))), None, source)

    def _encodable(self, frame: Frame, pixels: Pixels, stream: Any) -> Any:
        source = frame.source
        if pixels is frame.pixels and not _turn(source) and source.format.name == PIXEL_FORMAT:
            source.pict_type = self._av.video.frame.PictureType.NONE  # the encoder chooses its own key frames
            if (source.width, source.height) == (stream.width, stream.height):
                return source
        changed = self._av.VideoFrame.from_ndarray(_even(pixels), format="rgb24").reformat(
            format=PIXEL_FORMAT, dst_colorspace=SCALES.get(int(source.colorspace)),
            dst_color_range=int(source.color_range) or None,
        )  # fmt: skip
        changed.pts, changed.time_base = source.pts, source.time_base
        return changed


def _peek(frames: Iterator[tuple[Frame, Pixels]]) -> tuple[Frame, Iterator[tuple[Frame, Pixels]]]:
    """The first frame, and all of them with their pixels."""
    first = next(frames, None)
    if first is None:
        raise InputError(
            "video: found no frame that can be decoded, expected one or more; see whether the file is whole"
        )
    return first[0], itertools.chain([first], frames)


def _stream_like(source: Any, first: Frame, stream: Any) -> Any:
    """Give a new stream the size of upright frames, and the times and colours of the source."""
    height, width = first.pixels.shape[:2]
    stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, PIXEL_FORMAT
    stream.codec_context.framerate = source.average_rate or USUAL_FPS
    stream.codec_context.time_base = first.source.time_base
    for name in ("colorspace", "color_primaries", "color_trc", "color_range"):
        setattr(stream.codec_context, name, getattr(source.codec_context, name))
    if source.sample_aspect_ratio and not _turn(first.source) % 180:
        stream.codec_context.sample_aspect_ratio = source.sample_aspect_ratio
    stream.thread_count = 1  # the encoder divides the work by threads, and the bytes with it
    return stream


class _Sound:
    """The sound of a film on its way into another, packet by packet, as it is."""

    def __init__(self, film: Any, result: Any) -> None:
        self._result, self._packets, self.left_behind = result, iter(()), ""
        for sound in film.streams.audio[:1]:
            if sound.codec_context.codec.canonical_name in result.supported_codecs:
                self._stream = result.add_stream_from_template(sound)
                self._packets = iter(film.demux(sound))
            else:
                self.left_behind = str(sound.codec_context.name)
        self._next = next(self._packets, None)

    def copy_until(self, time_s: float) -> None:
        """Copy what is due before a time: sound and pictures lie side by side in a file."""
        while self._next is not None:
            packet = self._next
            if packet.dts is not None:
                if float(packet.dts * packet.time_base) > time_s:
                    return
                packet.stream = self._stream
                self._result.mux(packet)
            self._next = next(self._packets, None)


def _turn(source: Any) -> int:
    """Degrees counter-clockwise, in quarters, by which a frame is to be turned."""
    return int(round(source.rotation / 90) * 90 % 360)


def _even(pixels: Pixels) -> Pixels:
    """Repeat the last row and column where there are odd numbers of them: 4:2:0 has one colour for two by two."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else pixels
