"""Crops: every point of the photo lands where the geometry says, nothing aliases, nothing breaks at the rim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageOps

import projector
from projector import geometry
from projector.resample import reduced
from stylegan2.errors import InputError

PORTRAITS = tuple(f"photo_{number:02}" for number in range(1, 11))
UPRIGHT = np.array([[48.0, 60], [80, 60], [64, 78], [50, 91], [78, 91]])


def face_at(x, y, scale, degrees):
    to = geometry.translation(x, y) @ geometry.rotation(math.radians(degrees)) @ geometry.scaling(scale, scale)
    points = geometry.apply(to @ geometry.translation(-64, -64), UPRIGHT)
    return projector.Face(points.astype(np.float32), geometry.bounds(points), 1.0)


def centroid(picture, x, y, reach):
    """Where the bright dot near (x, y) is."""
    rows, columns = np.arange(picture.shape[0]) + 0.5, np.arange(picture.shape[1]) + 0.5
    near = np.hypot(columns[None, :] - x, rows[:, None] - y) < reach
    weight = picture[..., 0].astype(float) * near
    return (weight * columns[None, :]).sum() / weight.sum(), (weight * rows[:, None]).sum() / weight.sum()


@pytest.mark.parametrize(
    "scale, degrees, size",
    [(1, 0, 128), (1, 0, 256), (3, 0, 128), (3, 25, 128), (5, -40, 64), (7, 100, 128), (2.2, 10, 512)],
)
def test_points_land_where_the_geometry_says(dots, scale, degrees, size):
    face = face_at(530, 510, scale, degrees)
    aligned = projector.align(dots(face.points, 1100, 1000, sigma=2.5 * scale), face, size)
    assert aligned.crop.shape == (size, size, 3) and aligned.crop.dtype == np.uint8 and aligned.size == size
    to_crop = geometry.inverse(geometry.crop_to_photo(geometry.quad_from_points(face.points), size))
    for x, y in geometry.apply(to_crop, face.points):
        found = centroid(aligned.crop, x, y, reach=8 * size / 128)
        np.testing.assert_allclose(found, (x, y), atol=0.1)


def test_a_square_of_whole_pixels_is_copied(smooth):
    picture = smooth(300, 200)
    noisy = picture ^ np.random.default_rng(0).integers(0, 64, picture.shape, dtype=np.uint8)
    quad = geometry.square(np.array([120.0, 90.0]), np.array([128.0, 0.0]))
    np.testing.assert_array_equal(projector.align_quad(noisy, quad, 128).crop, noisy[26:154, 56:184])


def test_fine_patterns_do_not_alias():
    checker = np.indices((1200, 1200)).sum(0) % 2 * 255
    picture = np.repeat(checker.astype(np.uint8)[..., None], 3, axis=2)
    for edge in ((700.0, 0.0), (600.0, 350.0), (1190.0, 0.0)):
        quad = geometry.square(np.array([600.0, 600.0]), np.array(edge))
        crop = projector.align_quad(picture, quad, 64).crop.astype(float)[4:-4, 4:-4]  # the mean grey, everywhere
        assert np.abs(crop - 127.5).max() < 8


def test_inside_the_photo_its_rim_changes_nothing(smooth):
    picture = smooth(500, 400)
    quad = geometry.square(np.array([60.0, 200.0]), np.array([200.0, 0.0]))  # 40 px beyond the left
    crop = projector.align_quad(picture, quad, 200).crop
    np.testing.assert_array_equal(crop[:, 42:], picture[100:300, 2:160])
    assert np.abs(np.diff(crop.astype(int), axis=1)).max() < 25  # mirrored: no step where the photo ends


def test_far_outside_all_is_smooth(smooth):
    noise = np.random.default_rng(1).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    quad = geometry.square(np.array([45.0, 45.0]), np.array([400.0, 60.0]))
    crop = projector.align_quad(noise, quad, 256).crop.astype(int)
    assert np.abs(np.diff(crop[:40], axis=1)).max() < 12
    assert crop.std() > 5  # while the photo itself is there


@pytest.mark.parametrize("name", PORTRAITS)
def test_eyes_of_real_faces_lie_where_the_training_set_has_them(photo, detector, name):
    image = photo(name)
    (face,) = projector.detect(image, detector)
    aligned = projector.align(image, face, 128)
    assert aligned.photo_size == image.size and aligned.score == face.score
    (again,) = projector.detect(aligned.crop, detector)
    # The means of the training sets us and uk, measured by another detector, plus 0.5: it counts from pixel centres.
    np.testing.assert_allclose(again.points[:2], [[47.8, 60.05], [79.65, 60.4]], atol=1.6)


def test_the_same_face_from_a_larger_photo_is_the_same_crop(photo, detector):
    image = ImageOps.contain(photo("photo_07"), (500, 500))
    (face,) = projector.detect(image, detector)
    large = image.resize((image.width * 9, image.height * 9), Image.Resampling.BICUBIC)
    larger = projector.Face(face.points * 9, face.box, face.score)
    one, other = projector.align(image, face, 128), projector.align(large, larger, 128)
    assert np.abs(one.crop.astype(int) - other.crop).mean() < 2


def test_a_whole_picture_is_taken_as_it_is(smooth):
    picture = smooth(128, 128)
    aligned = projector.align_whole(picture, 128)
    np.testing.assert_array_equal(aligned.crop, picture)
    np.testing.assert_allclose(aligned.quad, [[0, 0], [0, 128], [128, 128], [128, 0]])
    wide = projector.align_whole(Image.fromarray(smooth(300, 200)), 64)
    np.testing.assert_allclose(wide.quad, [[50, 0], [50, 200], [250, 200], [250, 0]])


def test_blocks_are_means_and_keep_their_place(smooth):
    picture = smooth(1000, 700)
    blocks = reduced(picture, 4)
    assert blocks.shape == (175, 250, 3)
    expected = picture.reshape(175, 4, 250, 4, 3).mean((1, 3))
    assert np.abs(blocks - expected).max() <= 0.51
    assert reduced(picture, 3).shape == (234, 334, 3)


def test_impossible_requests_are_refused(smooth):
    picture = smooth(50, 40)
    with pytest.raises(InputError, match="size: found 0, expected at least 1 px"):
        projector.align(picture, face_at(20, 20, 0.2, 0), 0)
    with pytest.raises(InputError, match="lie on one spot"):
        projector.align(picture, projector.Face(np.ones((5, 2), dtype=np.float32), (0, 0, 1, 1), 1.0), 64)
