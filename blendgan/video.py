"""Frames → a film: H.264 in .mp4 through PyAV, where that is installed; .webp and .gif through Pillow, always."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

IMAGE_DESCRIPTION = 0x010E  # the EXIF tag that holds a picture's text
QUALITY = {"crf": "16", "preset": "slow"}  # x264: cannot be told from the frames by eye; smaller is better and larger
WEBP_QUALITY = 90


def default_ending() -> str:
    """Return the ending of the best form that this machine can write."""
    return ".mp4" if _has_av() else ".webp"


def check_target(path: Path) -> None:
    """Raise InputError for an ending that cannot be written here; to be asked before the frames are drawn."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(_WRITERS)}")
    if path.suffix.lower() == ".mp4" and not _has_av():
        raise InputError(
            f"{path}: .mp4 needs PyAV, which is not installed; pip install 'blendgan[video]', or write .webp or .gif"
        )


def write_video(path: Path, frames: Iterable[Image.Image], fps: int, text: str = "") -> None:
    """Write the frames, RGB and of one size, as the form that the ending says; a film of that name is replaced.

    .mp4 and .webp, .gif: these two play in a loop. `text` goes into the file's comment. Frames are drawn as they are
    written. The same frames give the same bytes. Raises InputError as `check_target`, for no frames, and where the
    file cannot be written.
    """
    check_target(path)
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(f"{path}: found no frames, expected one or more")
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        _WRITERS[path.suffix.lower()](file, itertools.chain([first], frames), fps, text)


def durations(count: int, fps: int, per_second: int) -> list[int]:
    """Return how long each frame stays, in whole units of 1/per_second s, so that rounding does not add up."""
    ends = [round(i * per_second / fps) for i in range(count + 1)]
    return [stop - start for start, stop in zip(ends, ends[1:], strict=False)]


def _write_mp4(file: BinaryIO, frames: Iterator[Image.Image], fps: int, text: str) -> None:
    av: Any = importlib.import_module("av")
    first = _even(next(frames))
    with av.open(file, "w", format="mp4") as film:
        if text:
            film.metadata["comment"] = text
        stream = film.add_stream("libx264", rate=fps, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        stream.thread_count = 1  # the encoder divides the work by threads, and the bytes with it
        for frame in itertools.chain([first], map(_even, frames)):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
        film.mux(stream.encode())


def _write_gif(file: BinaryIO, frames: Iterator[Image.Image], fps: int, text: str) -> None:
    shown = [frame.quantize() for frame in frames]
    stays = [10 * hundredths for hundredths in durations(len(shown), fps, 100)]  # Pillow asks for ms, the file for 10
    first, *rest = shown
    comment = {"comment": text} if text else {}
    first.save(file, "GIF", save_all=True, append_images=rest, duration=stays, loop=0, **comment)


def _write_webp(file: BinaryIO, frames: Iterator[Image.Image], fps: int, text: str) -> None:
    first, *rest = frames
    exif = Image.Exif()
    if text:
        exif[IMAGE_DESCRIPTION] = text
    stays = durations(1 + len(rest), fps, 1000)
    first.save(file, "WEBP", save_all=True, append_images=rest, duration=stays, loop=0, quality=WEBP_QUALITY, exif=exif)


_WRITERS: dict[str, Callable[[BinaryIO, Iterator[Image.Image], int, str], None]] = {
    ".mp4": _write_mp4,
    ".webp": _write_webp,
    ".gif": _write_gif,
}


def _even(frame: Image.Image) -> Image.Image:
    """Pad on the right and below: 4:2:0 has one colour for two by two pixels."""
    width, height = (size + size % 2 for size in frame.size)
    if frame.size == (width, height):
        return frame
    padded = Image.new("RGB", (width, height), "white")
    padded.paste(frame, (0, 0))
    return padded


def _has_av() -> bool:
    return importlib.util.find_spec("av") is not None
