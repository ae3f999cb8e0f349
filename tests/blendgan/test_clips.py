"""Films are read upright and written like the one that was read: frames, times, colours, sound, loop."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from blendgan.animations import Animation, Frame, is_animated
from blendgan.clips import Clip, is_moving, moving_result
from stylegan2.errors import InputError

LEVELS = (20, 90, 160, 230)
STAYS_MS = [40, 120, 80, 200]


def unchanged(film: Animation | Clip) -> Iterator[tuple[Frame, Any]]:
    for frame in film.frames():
        yield frame, frame.pixels


def darker(film: Animation | Clip) -> Iterator[tuple[Frame, Any]]:
    for frame in film.frames():
        yield frame, frame.pixels // 2


# ---- animated pictures ----------------------------------------------------------------------------------------


def write_animation(path: Path, **said: Any) -> Path:
    frames = [Image.new("RGB", (24, 16), (level, level, 40)) for level in LEVELS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=STAYS_MS, **said)
    return path


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png", ".apng"])
@pytest.mark.parametrize("loop", [0, 3])
def test_an_animation_keeps_kind_pace_and_loop(ending: str, loop: int, tmp_path: Path) -> None:
    film = Animation(write_animation(tmp_path / f"a{ending}", loop=loop))
    assert is_animated(film.path) and (film.count, film.loop) == (4, loop)
    assert film.durations_ms == tuple(map(float, STAYS_MS)) and film.fps == pytest.approx(4 / 0.44)
    result = moving_result(film.path, tmp_path / "a.toon.png")
    assert result.name == f"a.toon{ending}"
    with result.open("wb") as file:
        film.write(file, darker(film), "made by")
    again = Animation(result)
    assert (again.durations_ms, again.loop) == (film.durations_ms, loop)
    assert [int(f.pixels[8, 8, 0]) for f in again.frames()] == pytest.approx([level // 2 for level in LEVELS], abs=3)


def test_transparency_stays(tmp_path: Path) -> None:
    frames = [Image.new("RGBA", (16, 16), (200, level, 0, 255)) for level in LEVELS]
    for frame in frames:
        frame.paste((0, 0, 0, 0), (0, 0, 8, 16))
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=100)
    film = Animation(tmp_path / "a.png")
    with (tmp_path / "b.png").open("wb") as file:
        film.write(file, darker(film))
    with Image.open(tmp_path / "b.png") as image:
        found = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
    assert [frame[8, 2, 3] for frame in found] == [0] * 4 and [frame[8, 12, 3] for frame in found] == [255] * 4


def test_stills_and_damaged_files(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "still.gif")
    (tmp_path / "broken.webp").write_bytes(b"RIFF")
    assert not is_moving(tmp_path / "still.gif") and not is_moving(tmp_path / "broken.webp")
    assert not is_moving(tmp_path / "nowhere.png") and is_moving(tmp_path / "a.mp4")
    whole = write_animation(tmp_path / "a.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match=r"cut.gif: .*cannot be read"):
        list(Animation(tmp_path / "cut.gif").frames())


# ---- videos ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def av() -> Any:
    return pytest.importorskip("av", reason="PyAV (the extra `video`) is not there")


def write_clip(av: Any, path: Path, *, times: list[int], matrix: int = 1, with_sound: bool = True) -> Path:
    """A clip of one colour that grows lighter, at these times in 1/100 s, with a tone."""
    numpy_pictures = [np.full((48, 64, 3), (level, 40, 200 - level // 2), np.uint8) for level in range(40, 200, 20)]
    with av.open(str(path), "w") as film:
        video = film.add_stream("libx264", rate=25, options={"crf": "8"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = importlib.import_module("fractions").Fraction(1, 100)
        video.codec_context.colorspace = matrix
        tone = film.add_stream("aac", rate=44100) if with_sound else None
        for time, pixels in zip(times, numpy_pictures, strict=False):
            pixels[:16, :16] = 230  # so that up is not down
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace=matrix)
            frame.pts, frame.time_base = time, video.codec_context.time_base
            film.mux(video.encode(frame))
        film.mux(video.encode())
        if tone is not None:
            wave = np.sin(np.arange(1024 * 14) / 16).astype(np.float32)
            for start in range(0, len(wave), 1024):
                sound = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
                sound.sample_rate, sound.pts = 44100, start
                film.mux(tone.encode(sound))
            film.mux(tone.encode())
    return path


def sound_of(av: Any, path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(audio=0) if packet.dts is not None]
        return [(round(float(p.pts * p.time_base), 4), bytes(p)) for p in packets]


UNEVEN = [0, 4, 8, 20, 24, 30, 34, 38]  # the rate varies, as that of phones does


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_a_clip_keeps_times_colours_and_sound(av: Any, tmp_path: Path, ending: str) -> None:
    film = Clip(write_clip(av, tmp_path / f"a{ending}", times=UNEVEN))
    result = tmp_path / f"b{ending}"
    with result.open("wb") as file:
        assert film.write(file, unchanged(film), "made by") == ""
    before, after = list(film.frames()), list(Clip(result).frames())
    assert [f.source.time for f in after] == pytest.approx([time / 100 for time in UNEVEN], abs=2e-3)
    assert int(after[0].source.colorspace) == 1  # BT.709, as the source says
    for one, other in zip(before, after, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 2
    assert sound_of(av, result) == sound_of(av, film.path)
    with av.open(str(result)) as opened:
        assert "made by" in dict((key.lower(), value) for key, value in opened.metadata.items())["comment"]


def test_new_pixels_arrive_in_their_own_colours(av: Any, tmp_path: Path) -> None:
    film = Clip(write_clip(av, tmp_path / "a.mp4", times=UNEVEN))
    with (tmp_path / "b.mp4").open("wb") as file:
        film.write(file, darker(film))
    for one, other in zip(film.frames(), Clip(tmp_path / "b.mp4").frames(), strict=True):
        assert np.abs(one.pixels.astype(int) // 2 - other.pixels).mean() < 3


def test_a_clip_that_lies_on_its_side_comes_out_upright(av: Any, tmp_path: Path) -> None:
    path = write_clip(av, tmp_path / "a.mp4", times=UNEVEN, with_sound=False)
    lying = [frame.pixels for frame in Clip(path).frames()]
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 40  # where a track's display matrix lies (ISO 14496-12, 8.3.2, version 0)
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)  # a quarter clockwise
    path.write_bytes(data)
    film = Clip(path)
    upright = [frame.pixels for frame in film.frames()]
    assert all(np.array_equal(one, np.rot90(other, -1)) for one, other in zip(upright, lying, strict=True))
    with (tmp_path / "b.mp4").open("wb") as file:
        film.write(file, unchanged(film))
    after = list(Clip(tmp_path / "b.mp4").frames())
    assert [round(frame.source.rotation) for frame in after] == [0] * len(UNEVEN)
    assert np.abs(after[3].pixels.astype(int) - upright[3]).mean() < 3


def test_sound_that_does_not_fit_is_named(av: Any, tmp_path: Path) -> None:
    film = Clip(write_clip(av, tmp_path / "a.mkv", times=UNEVEN))
    film.path.rename(tmp_path / "a.webm")  # a container by its contents, and H.264 and AAC do not go into .webm
    film = Clip(tmp_path / "a.webm")
    with (tmp_path / "b.webm").open("wb") as file:
        assert film.write(file, unchanged(film)) == "aac"
    assert len(list(Clip(tmp_path / "b.webm").frames())) == len(UNEVEN)


def test_what_is_no_video_is_one_line(av: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a.mp4: cannot be read as a video"):
        list(Clip(tmp_path / "a.mp4").frames())
    assert moving_result(tmp_path / "a.avi", tmp_path / "a.toon.png").name == "a.toon.mp4"
