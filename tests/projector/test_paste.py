"""Pasting back: exact where it may be, nothing outside, the photo's own grain kept by paste_change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageOps

import projector
from projector import geometry
from projector.paste import soft_mask
from stylegan2.errors import InputError


def square(x, y, edge):
    return geometry.square(np.array([x, y], dtype=float), np.array(edge, dtype=float))


def distance(a, b):
    return np.abs(a.astype(int) - b.astype(int))


def test_the_mask_is_one_inside_and_nothing_at_the_border():
    mask = soft_mask(128)
    assert mask.dtype == np.float32 and mask.shape == (128, 128)
    assert (mask[27:-27, 27:-27] == 1).all()
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) < 0.005
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])
    assert np.abs(np.diff(mask, axis=0)).max() < 0.1


def test_at_the_photos_own_scale_pasting_is_exact():
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (200, 260, 3), dtype=np.uint8)
    new = random.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    aligned = projector.align_quad(photo, square(120, 90, (128, 0)), 128)
    np.testing.assert_array_equal(projector.paste_face(photo, aligned, aligned.crop), photo)
    whole = projector.paste_face(photo, aligned, new, np.ones((128, 128), dtype=np.float32))
    expected = photo.copy()
    expected[26:154, 56:184] = new
    np.testing.assert_array_equal(whole, expected)
    soft = projector.paste_face(photo, aligned, new)
    np.testing.assert_array_equal(soft[53:127, 83:157], new[27:-27, 27:-27])


@pytest.mark.parametrize("edge", [(60, 0), (128, 0), (150, 70), (310, -80)])
def test_the_way_there_and_back_changes_a_smooth_photo_little(smooth, edge):
    photo = smooth(500, 460)
    aligned = projector.align_quad(photo, square(240, 230, edge), 128)
    back = projector.paste_face(photo, aligned, aligned.crop)
    assert distance(back, photo).max() <= 6
    assert distance(back, photo).mean() < 0.3


def test_a_real_photo_comes_back_from_a_crop_of_its_own_scale(photo, detector):
    pixels = np.asarray(ImageOps.contain(photo("photo_09"), (500, 500)))
    (face,) = projector.detect(pixels, detector)
    aligned = projector.align(pixels, face, 512)
    assert distance(projector.paste_face(pixels, aligned, aligned.crop), pixels).mean() < 1


@pytest.mark.parametrize("edge", [(60, 25), (250, 0), (300, 300)])
def test_outside_the_square_no_pixel_changes(edge):
    photo = np.random.default_rng(0).integers(0, 256, (460, 500, 3), dtype=np.uint8)
    quad = square(240, 230, edge)
    aligned = projector.align_quad(photo, quad, 128)
    ones = np.ones((64, 64), dtype=np.float32)
    for mask in (None, ones):
        new = projector.paste_face(photo, aligned, 255 - aligned.crop, mask)
        changed = np.argwhere((new != photo).any(2))[:, ::-1] + 0.5
        where = geometry.apply(geometry.inverse(geometry.crop_to_photo(quad, 1)), changed)
        slack = 1 / geometry.side_px(quad)  # pixels on the edge
        assert len(changed) > 1000 and where.min() > -slack and where.max() < 1 + slack
    np.testing.assert_array_equal(projector.paste_face(photo, aligned, 255 - aligned.crop, 0 * ones), photo)


def test_a_square_that_leaves_the_photo_is_pasted_as_far_as_it_is_there(smooth):
    photo = smooth(300, 200)
    aligned = projector.align_quad(photo, square(10, 20, (180, 40)), 128)
    back = projector.paste_face(photo, aligned, aligned.crop)
    assert distance(back, photo).max() <= 6
    beside = projector.align_quad(photo, square(-500, 20, (100, 0)), 32)
    np.testing.assert_array_equal(projector.paste_face(photo, beside, 255 - beside.crop), photo)


def test_a_change_of_nothing_is_nothing_and_grain_stays():
    random = np.random.default_rng(0)
    photo = random.integers(60, 180, (400, 400, 3), dtype=np.uint8)
    aligned = projector.align_quad(photo, square(200, 200, (260, 60)), 64)
    flat = np.full((64, 64, 3), 100, dtype=np.uint8)
    np.testing.assert_array_equal(projector.paste_change(photo, aligned, flat, flat), photo)
    brighter = projector.paste_change(photo, aligned, flat, flat + 20)
    np.testing.assert_array_equal(brighter[150:250, 150:250], photo[150:250, 150:250] + 20)
    assert (
        projector.paste_change(photo, aligned, flat, flat.astype(np.float32) + 500).max() == 255
    )  # clipped, not wrapped


def test_a_finer_crop_is_antialiased_in_a_small_face():
    photo = np.full((100, 100, 3), 10, dtype=np.uint8)
    aligned = projector.align_quad(photo, square(50, 50, (40, 0)), 128)
    checker = np.repeat((np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    middle = projector.paste_face(photo, aligned, checker)[40:60, 40:60]
    assert np.abs(middle - 127.5).max() < 4


def test_shapes_that_do_not_fit_are_refused(smooth):
    photo = smooth(60, 50)
    aligned = projector.align_quad(photo, square(30, 25, (30, 0)), 16)
    with pytest.raises(InputError, match=r"photo: found uint8 \[60, 50, 3\], expected uint8 \[50, 60, 3\]"):
        projector.paste_face(photo.transpose(1, 0, 2), aligned, aligned.crop)
    with pytest.raises(InputError, match=r"crop: found \[16, 8, 3\], expected a square"):
        projector.paste_face(photo, aligned, aligned.crop[:, :8])
    with pytest.raises(InputError, match=r"mask: found \[16, 8\], expected a square"):
        projector.paste_face(photo, aligned, aligned.crop, soft_mask(16)[:, :8])
    with pytest.raises(InputError, match=r"crops: found \[16, 16, 3\] before and \[32, 32, 3\] after"):
        projector.paste_change(photo, aligned, aligned.crop, np.zeros((32, 32, 3), dtype=np.uint8))
