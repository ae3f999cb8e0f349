"""Faces in real photographs: found, once, where they are, whatever their size and roll; and none where none is."""

from __future__ import annotations

import math
import random
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file

import projector
from projector import geometry
from projector.cascade import share_of_smaller, share_of_union, suppress
from projector.mtcnn import load_networks
from projector.pyramid import build_pyramid, cut_windows, place
from stylegan2 import store
from stylegan2.errors import CheckpointError, InputError, NoFaceFound, ShapeMismatch

PORTRAITS = tuple(f"photo_{number:02}" for number in range(1, 11))
ORIENTATION = 0x0112
UNDO = {  # EXIF orientation → what a camera held so does to the upright picture
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def small(image, longest=512):
    return ImageOps.contain(image, (longest, longest))


def eye_distance(points):
    return float(np.hypot(*(points[1] - points[0])))


def off(found, expected):
    """Largest distance of a point from where it should be, in eye distances."""
    return float(np.hypot(*(found - expected).T).max() / eye_distance(expected))


def turned(image, degrees):
    """The picture turned clockwise, and the map from the old positions to the new."""
    copy = image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    to_copy = geometry.translation(copy.width / 2, copy.height / 2) @ geometry.rotation(math.radians(degrees))
    return copy, to_copy @ geometry.translation(-image.width / 2, -image.height / 2)


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_portrait_has_one_face(photo, detector, name):
    image = photo(name)
    (face,) = projector.detect(image, detector)
    assert face.points.shape == (5, 2) and face.points.dtype == np.float32
    assert face.score > 0.99
    x0, y0, x1, y1 = face.box
    assert 0.3 < (x1 - x0) / (y1 - y0) < 1
    assert ((face.points > (x0, y0)) & (face.points < (x1, y1))).all()
    assert ((face.points > 0) & (face.points < image.size)).all()


def test_a_group_comes_left_to_right_without_its_background(photo, detector):
    left, right = projector.detect(photo("group_01"), detector)
    assert left.points[2, 0] < right.points[2, 0]
    assert min(left.score, right.score) > 0.99


@pytest.mark.parametrize("degrees", [-60, -35, 15, 45, 60, 90, 120, 180])
def test_roll_does_not_matter(photo, detector, degrees):
    for name in ("photo_04", "photo_10"):
        image = small(photo(name), 400)
        copy, to_copy = turned(image, degrees)
        (upright,), (found,) = projector.detect(image, detector), projector.detect(copy, detector)
        assert off(found.points, geometry.apply(to_copy, upright.points)) < 0.12, name  # measured: at most 0.08


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_are_those_of_the_upright_photo(photo, detector, tmp_path, orientation):
    image = small(photo("photo_02"))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    held = image.transpose(UNDO[orientation]) if orientation in UNDO else image
    held.save(tmp_path / "held.png", exif=exif)
    (expected,) = projector.detect(image, detector)
    with Image.open(tmp_path / "held.png") as file:
        (face,) = projector.detect(file, detector)
    np.testing.assert_array_equal(face.points, expected.points)
    (face,) = projector.detect(projector.read_photo(tmp_path / "held.png").pixels, detector)
    np.testing.assert_array_equal(face.points, expected.points)


def test_two_faces_side_by_side_are_sorted(photo, detector):
    one, other = small(photo("photo_03"), 400), small(photo("photo_08"), 400)
    pair = Image.new("RGB", (800, 400))
    pair.paste(one, (0, 0)), pair.paste(other, (400, 0))
    first, second = projector.detect(pair, detector)
    (alone,), (beside,) = projector.detect(one, detector), projector.detect(other, detector)
    assert off(first.points, alone.points) < 0.05
    assert off(second.points, beside.points + np.float32([400, 0])) < 0.05


@pytest.mark.parametrize("side_px", [28, 40, 60, 150])
def test_a_small_face_in_a_large_photo(photo, detector, side_px):
    image = photo("photo_03")
    (large,) = projector.detect(image, detector)
    scale = side_px / geometry.side_px(geometry.quad_from_points(large.points))
    little = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (1600, 1200), (128, 120, 110))
    canvas.paste(little, (1000, 500))
    (face,) = projector.detect(canvas, detector)
    assert off(face.points, large.points * scale + (1000, 500)) < 0.15


def test_a_giant_photo_is_searched_in_a_copy(photo, detector):
    image = small(photo("photo_07"), 600)
    (expected,) = projector.detect(image, detector)
    (face,) = projector.detect(image.resize((image.width * 10, image.height * 10)), detector)
    assert off(face.points / 10, expected.points) < 0.05


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(48, marks=pytest.mark.slow),
        64,
        pytest.param(96, marks=pytest.mark.slow),
        pytest.param(128, marks=pytest.mark.slow),
    ],
)
def test_aligned_faces_are_found(faces, detector, size):
    files = random.Random(size).sample(sorted(faces.glob("*.jpg")), 20)
    pictures = [Image.open(file).convert("RGB").resize((size, size), Image.Resampling.LANCZOS) for file in files]
    found = [projector.detect(picture, detector) for picture in pictures]
    assert sum(len(each) == 1 for each in found) >= 19  # measured: 600 of 600 at 128 px


@pytest.mark.slow
def test_aligned_faces_are_where_the_training_set_has_them(faces, detector):
    files = [file for kind in ("us", "cg", "uk") for file in sorted(faces.glob(f"{kind}_*.jpg"))[:12]]
    quads = [geometry.quad_from_points(projector.detect(Image.open(f), detector)[0].points) for f in files]
    bias = np.mean(quads, axis=0) - [[0, 0], [0, 128], [128, 128], [128, 0]]
    assert np.abs(bias).max() < 2  # px of 128: the calibration in projector.landmarks


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_every_mode_will_do(photo, detector, mode):
    image = small(photo("photo_05"))
    (colour,), (face,) = projector.detect(image, detector), projector.detect(image.convert(mode), detector)
    assert off(face.points, colour.points) < 0.1


def test_an_array_is_as_good_as_an_image_and_twice_is_the_same(photo, detector):
    image = small(photo("photo_06"))
    (one,), (two,) = projector.detect(image, detector), projector.detect(np.asarray(image))
    np.testing.assert_array_equal(one.points, two.points)
    assert (one.box, one.score) == (two.box, two.score)
    with pytest.raises(FrozenInstanceError):
        one.score = 1.0


def test_noise_and_tiny_pictures_hold_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8)
    blobs = np.asarray(Image.fromarray(noise[:16, :16]).resize((300, 300), Image.Resampling.BICUBIC))
    assert projector.detect(noise, detector) == projector.detect(blobs, detector) == ()
    for size in ((1, 1), (3, 400), (12, 12), (17, 24)):
        assert projector.detect(Image.new("RGB", size, (200, 160, 140)), detector) == ()


@pytest.mark.parametrize("name", ["coffee", "rocket", "chelsea", "brick", "page"])
def test_pictures_of_other_things_hold_no_face(detector, name):
    data = pytest.importorskip("skimage.data")
    assert projector.detect(Image.fromarray(getattr(data, name)()), detector) == ()


def test_the_astronaut_is_found(detector):
    data = pytest.importorskip("skimage.data")
    (face,) = projector.detect(data.astronaut(), detector)
    seen = [
        [203, 101],
        [246, 103],
        [223, 130],
        [204, 140],
        [244, 141],
    ]  # read off an enlargement; the eyes are 43 apart
    np.testing.assert_allclose(face.points, seen, atol=4)


def test_no_face_says_what_to_do(detector):
    with pytest.raises(NoFaceFound) as caught:
        projector.require_faces(np.zeros((30, 40, 3), dtype=np.uint8), "wall.jpg", detector)
    assert str(caught.value) == (
        "wall.jpg: found no face in 40 x 30 px; expected at least one that looks toward the camera. Try a photo "
        "cropped closer to it or, if this already is an aligned crop, --aligned"
    )


@pytest.mark.parametrize("shape, dtype", [((4, 5), np.uint8), ((4, 5, 4), np.uint8), ((4, 5, 3), np.float32)])
def test_other_arrays_are_refused(shape, dtype):
    with pytest.raises(InputError, match=r"expected uint8 \[H, W, 3\]; read photos with read_photo"):
        projector.detect(np.zeros(shape, dtype=dtype))


def test_weights_that_are_none_are_refused(tmp_path):
    (tmp_path / "page.safetensors").write_text("<html>", encoding="utf-8")
    with pytest.raises(CheckpointError, match="the face detector's weights cannot be read"):
        load_networks(tmp_path / "page.safetensors")
    tensors = load_file(store.resolve("mtcnn"))
    save_file(
        {name: value for name, value in tensors.items() if "dense6_3" not in name}, tmp_path / "short.safetensors"
    )
    with pytest.raises(ShapeMismatch, match=r"dense6_3\.weight"):
        load_networks(tmp_path / "short.safetensors")


def test_suppression_keeps_the_best_of_each_heap():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [22, 2, 26, 6]])
    scores = torch.tensor([0.8, 0.9, 0.7, 0.95])
    assert suppress(boxes, scores, 0.5, share_of_union).tolist() == [3, 1, 2]  # 16 of 100: another face
    assert suppress(boxes, scores, 0.5, share_of_smaller).tolist() == [3, 1]  # within it: the same
    assert suppress(boxes[:0], scores[:0], 0.5, share_of_union).tolist() == []


def test_windows_are_cut_where_they_say(smooth):
    picture = torch.from_numpy(smooth(200, 160)).permute(2, 0, 1)[None].float()
    pyramid = build_pyramid(picture, 12)
    assert [tuple(level.shape[2:]) for level in pyramid.levels[:3]] == [(160, 200), (113, 141), (80, 100)]
    square = torch.tensor([[60.0, 50.0, 24.0, 0.0]])
    window = cut_windows(pyramid, square, 24)
    torch.testing.assert_close(window[0], picture[0, :, 38:62, 48:72], atol=1e-2, rtol=0)
    quarter = cut_windows(pyramid, torch.tensor([[60.0, 50.0, 24.0, math.pi / 2]]), 24)
    torch.testing.assert_close(quarter[0], picture[0, :, 38:62, 48:72].rot90(1, (1, 2)), atol=1e-2, rtol=0)
    corner = place(torch.tensor([[60.0, 50.0, 24.0, math.pi / 2]]), torch.tensor([[[-0.5, -0.5]]]))
    torch.testing.assert_close(corner, torch.tensor([[[72.0, 38.0]]]))
