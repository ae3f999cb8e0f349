"""Conversion is exact, grids show what they are given, files are whole and carry their text."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.images import enlarge, from_uint8, grid, png_bytes, read_metadata, to_pictures, to_uint8, write_png
from stylegan2.errors import InputError

LEVELS = np.arange(256, dtype=np.uint8)


def flat(colour: tuple[int, int, int], size_px: int = 128) -> Image.Image:
    return Image.new("RGB", (size_px, size_px), colour)


def test_every_level_survives_the_way_in_and_out():
    pixels = np.stack([LEVELS, LEVELS[::-1], np.roll(LEVELS, 7)], axis=-1).reshape(16, 16, 3)
    inside = from_uint8(pixels)
    assert inside.shape == (1, 3, 16, 16)
    assert (inside.min(), inside.max(), inside.dtype) == (-1, 1, torch.float32)
    assert np.array_equal(to_uint8(inside)[0], pixels)
    assert np.array_equal(to_uint8(from_uint8(np.stack([pixels, pixels[::-1]]))), np.stack([pixels, pixels[::-1]]))


def test_levels_are_rounded_and_clamped():
    values = torch.tensor([-7.0, -1.0, 0.0, 1 / 127.5, 1.6 / 127.5, 1.0, 7.0])
    levels = to_uint8(values.reshape(1, 1, 1, -1))[0, 0]
    assert levels.tolist() == [[v] * 3 for v in (0, 0, 128, 128, 129, 255, 255)]  # 127.5 and 128.5 round to even


def test_channels_stay_in_their_order():
    image = torch.tensor([1.0, 0.0, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 4)
    (picture,) = to_pictures(image)
    assert picture.size == (4, 2)
    assert picture.getpixel((3, 1)) == (255, 128, 0)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 4, 4, 4)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(InputError, match=r"expected \[N, 3, H, W\] or \[N, 1, H, W\]"):
        to_uint8(torch.zeros(shape))
    with pytest.raises(InputError, match=r"expected uint8 \[H, W, 3\] or \[N, H, W, 3\]"):
        from_uint8(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"), [((64, 64), (128, 128)), ((50, 100), (150, 300)), ((128, 200), (128, 200))]
)
def test_enlarging_takes_whole_multiples(size, expected):
    assert enlarge(Image.new("RGB", size), 128).size == expected


def test_enlarging_is_smooth():
    edge = Image.fromarray(np.repeat(np.array([[0] * 32 + [255] * 32], dtype=np.uint8), 64, axis=0)).convert("RGB")
    row = np.asarray(enlarge(edge, 256))[128, :, 0]
    assert len(set(row.tolist())) > 4  # nearest neighbour would have two levels


def test_a_grid_shows_every_picture_in_its_place():
    rows = {"BASE": [flat((255, 0, 0)), flat((0, 255, 0))], "blend": [flat((0, 0, 255)), flat((255, 255, 0))]}
    sheet = grid(rows, columns=["seed 0", "seed 1"])
    right, bottom = sheet.size
    assert sheet.getpixel((right - 1, bottom - 1)) == (255, 255, 0)
    assert sheet.getpixel((right - 1 - 130, bottom - 1)) == (0, 0, 255)
    assert sheet.getpixel((right - 1, bottom - 1 - 130)) == (0, 255, 0)
    assert sheet.getpixel((right - 1 - 130, bottom - 1 - 130)) == (255, 0, 0)


def test_captions_are_written_beside_their_row():
    plain = np.asarray(grid({"": [flat((9, 9, 9))]}))
    assert plain.shape == (128, 128, 3)
    captioned = np.asarray(grid({"TRANSFER": [flat((9, 9, 9))]}))
    margin = captioned[:, : captioned.shape[1] - 128]
    assert margin.min() < 64  # ink
    assert (captioned[:, -128:] == 9).all()  # and none of it on the picture


def test_a_grid_needs_pictures_of_one_size():
    with pytest.raises(InputError, match="grid: found pictures of 2 sizes"):
        grid({"a": [flat((0, 0, 0)), flat((0, 0, 0), 256)]})
    with pytest.raises(InputError, match="grid: found pictures of 0 sizes"):
        grid({})


def test_a_png_carries_its_text(tmp_path):
    path = tmp_path / "new" / "picture.png"
    write_png(path, flat((1, 2, 3)), {"recipe": '{"schedule": "é → ☃"}', "version": "1"})
    assert read_metadata(path) == {"recipe": '{"schedule": "é → ☃"}', "version": "1"}
    with Image.open(path) as picture:
        assert picture.getpixel((0, 0)) == (1, 2, 3)
    write_png(path, flat((4, 5, 6)))
    assert read_metadata(path) == {}


def test_the_same_picture_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        write_png(tmp_path / name, flat((1, 2, 3)), {"recipe": "{}"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_bytes_in_memory_are_those_of_the_file(tmp_path):
    picture, metadata = Image.linear_gradient("L").convert("RGB"), {"note": "ä"}
    profile = {"icc_profile": b"some profile"}
    write_png(tmp_path / "all.png", picture, metadata, profile)
    write_png(tmp_path / "bare.png", picture)
    assert png_bytes(picture, metadata, profile) == (tmp_path / "all.png").read_bytes()
    assert png_bytes(picture) == (tmp_path / "bare.png").read_bytes() != (tmp_path / "all.png").read_bytes()


def test_a_write_that_fails_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    write_png(path, flat((1, 2, 3)))
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_png(path, flat((4, 5, 6)))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["picture.png"]


def test_what_is_no_picture_has_no_text(tmp_path):
    path = tmp_path / "picture.png"
    path.write_text("<html>", encoding="utf-8")
    with pytest.raises(InputError, match="not a readable picture"):
        read_metadata(path)


def test_a_wide_caption_sets_the_columns_apart():
    rows = {"": [flat((255, 0, 0)), flat((0, 255, 0))]}
    narrow = grid(rows, columns=["a", "b"])
    wide = grid(rows, columns=["a", "a caption that is wider than its picture"])
    assert narrow.width == 2 * 128 + 2
    assert wide.width > narrow.width + 100
    assert wide.getpixel((wide.width - 1, 100)) == (0, 255, 0)
    assert wide.getpixel((130, 100)) == (255, 255, 255)
