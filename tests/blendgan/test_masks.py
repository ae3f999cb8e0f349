"""Masks: what a file's pixels mean, how they are resampled, where the named regions lie."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.masks import WHITE, BoxMask, Mask, load_mask
from blendgan.regions import EYES, FACE, MOUTH, REGIONS, draw_region
from stylegan2.errors import InputError

RAMP = np.arange(0, 256, 17, dtype=np.uint8).reshape(4, 4)  # 0, 17, …, 255


def mask_of(levels: list[list[float]]) -> Mask:
    return Mask("test", np.rint(np.array(levels) * WHITE).astype(np.uint16))


def saved(tmp_path, image: Image.Image, name: str = "mask.png"):
    image.save(tmp_path / name)
    return load_mask(str(tmp_path / name))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_eight_bits_of_every_mode(mode, tmp_path):
    mask = saved(tmp_path, Image.fromarray(RAMP).convert(mode))
    assert mask.levels.tolist() == (RAMP.astype(int) * 257).tolist()
    assert (mask.name, mask.is_region) == ("mask.png", False)


def test_sixteen_bits_are_kept(tmp_path):
    levels = np.array([[0, 1, 300], [257, 40000, 65535]], np.uint16)
    assert saved(tmp_path, Image.fromarray(levels)).levels.tolist() == levels.tolist()


def test_transparency_is_black(tmp_path):
    white = np.full((1, 3, 4), 255, np.uint8)
    white[0, :, 3] = (0, 51, 255)
    assert saved(tmp_path, Image.fromarray(white)).levels.tolist() == [[0, 51 * 257, WHITE]]


def test_of_colours_the_brightness_counts(tmp_path):
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    levels = saved(tmp_path, Image.fromarray(pixels)).levels / WHITE
    np.testing.assert_allclose(levels, [[0.299, 0.587, 0.114]], atol=1e-5)


def test_the_digest_is_that_of_size_and_pixels_whatever_the_file(tmp_path):
    eight = saved(tmp_path, Image.fromarray(RAMP))
    sixteen = saved(tmp_path, Image.fromarray(RAMP.astype(np.uint16) * 257), "other.png")
    assert eight.digest == sixteen.digest
    assert eight.digest == hashlib.sha256(b"4 4 " + (RAMP.astype("<u2") * 257).tobytes()).hexdigest()
    assert Mask("long", eight.levels.reshape(2, 8)).digest != eight.digest
    assert eight.to_json() == {"file": "mask.png", "sha256": eight.digest}
    assert load_mask("eyes").to_json() == {"region": "eyes"}


def test_shrinking_takes_area_means():
    share = mask_of([[0, 0, 1, 1], [0, 1, 1, 1]]).at(1, 2)
    torch.testing.assert_close(share, torch.tensor([[[[0.25, 1.0]]]]), atol=1e-5, rtol=0)
    thirds = mask_of([[1, 0, 0]]).at(1, 2)  # each takes one and a half
    torch.testing.assert_close(thirds, torch.tensor([[[[2 / 3, 0.0]]]]), atol=1e-5, rtol=0)
    noise = np.random.RandomState(0).rand(30, 50).tolist()
    assert float(mask_of(noise).at(7, 12).mean()) == pytest.approx(np.mean(noise), abs=1e-4)


def test_growing_is_linear():
    share = mask_of([[0, 1]]).at(2, 4)
    torch.testing.assert_close(share[0, 0], torch.tensor([[0, 0.25, 0.75, 1]] * 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(3, 3), (64, 64), (1000, 17)])
def test_one_level_stays_exactly_that(level, shape):
    mask = Mask("flat", np.full(shape, round(level * WHITE), np.uint16))
    assert all(bool((mask.at(height, height + 3) == level).all()) for height in (4, 7, 16, 64))


def test_a_box_is_the_mask_that_its_area_is():
    box = BoxMask((0.25, 0.5, 0.375, 1))
    drawn = np.zeros((8, 8), np.uint16)
    drawn[4:, 2:3] = WHITE
    for height, width in ((8, 8), (4, 4), (3, 5), (1, 7)):
        torch.testing.assert_close(box.at(height, width), Mask("drawn", drawn).at(height, width))
    between = BoxMask((0.3, 0.1, 0.35, 0.2)).at(2, 4)  # within one cell, which it fills to 5 · 10 % of 25 · 50 %
    torch.testing.assert_close(between[0, 0], torch.tensor([[0, 0.04, 0, 0], [0, 0, 0, 0]]))
    assert bool((BoxMask((0, 0, 1, 1)).at(7, 49) == 1).all())


def test_which_shapes_fit():
    for tall, wide in ((9, 9), (64, 128), (32, 64), (33, 65)):  # a square, the aspect, the same, almost
        Mask("m", np.zeros((tall, wide), np.uint16)).require_fit(64, 128)
    with pytest.raises(InputError) as caught:
        Mask("m.png", np.zeros((128, 64), np.uint16)).require_fit(64, 128)
    assert str(caught.value) == (
        "m.png: found a mask of 64 x 128 px, expected a square, or the aspect of the pictures, 128 x 64 px; crop it"
    )


def test_what_is_no_mask(tmp_path):
    with pytest.raises(InputError) as caught:
        load_mask("nose")
    assert str(caught.value) == (
        "mask: found 'nose', expected a picture file, or a region: eyes, mouth, hair, left, right"
    )
    (tmp_path / "text.png").write_text("hello", encoding="utf-8")
    Image.fromarray(RAMP).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:50])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    for name, message in (("text.png", "not a picture"), ("cut.png", "cannot be read"), ("float.tif", "unknown range")):
        with pytest.raises(InputError, match=rf"{name}: .*{message}"):
            load_mask(str(tmp_path / name))


def test_a_file_with_a_region_s_name_is_taken_by_its_path(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "eyes", "PNG")
    assert not load_mask(str(tmp_path / "eyes")).is_region


# ---- regions --------------------------------------------------------------------------------------------------

POINTS = {  # what lies there in an aligned crop: (x, y), and the regions that have it
    EYES[0]: {"eyes", "left"},
    EYES[1]: {"eyes", "right"},
    MOUTH: {"mouth"},  # and of both halves a half
    (0.15, 0.15): {"hair", "left"},
    (0.85, 0.40): {"hair", "right"},
    (0.40, 0.58): {"left"},  # a cheek
    (0.60, 0.97): {"right"},  # the collar
}


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_covers_its_points_and_no_others(name):
    region = draw_region(name)
    assert region.min() == 0
    assert region.max() == 1
    for (x, y), names in POINTS.items():
        level = region[int(y * len(region)), int(x * len(region))]
        if name in ("left", "right") and abs(x - 0.5) < 0.01:
            assert 0.2 < level < 0.8
        else:
            assert level == pytest.approx(float(name in names), abs=0.02), (x, y)


def test_the_halves_are_one_whole_and_seen_as_in_the_picture():
    left, right = draw_region("left"), draw_region("right")
    np.testing.assert_allclose(left + right, 1)
    np.testing.assert_allclose(left, right[:, ::-1], atol=1e-12)
    assert left[:, 0].min() == 1


@pytest.mark.parametrize("name", REGIONS)
def test_edges_are_soft(name):
    region = draw_region(name)
    assert max(np.abs(np.diff(region, axis=0)).max(), np.abs(np.diff(region, axis=1)).max()) < 0.2


def test_hair_is_not_the_face():
    x, y = FACE
    hair = draw_region("hair")
    assert hair[int(y * len(hair)), int(x * len(hair))] == 0
    assert hair[5, len(hair) // 2] == 1
