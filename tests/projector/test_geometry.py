"""The square about five points, and the maps to and from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector import geometry

UPRIGHT = np.array([[48.0, 60], [80, 60], [64, 78], [50, 91], [78, 91]])

angles = st.floats(-3.0, 3.0)
scales = st.floats(0.1, 20)
shifts = st.floats(-500, 500)


def moved(points, angle, scale, x, y):
    to = geometry.translation(x, y) @ geometry.rotation(angle) @ geometry.scaling(scale, scale)
    return geometry.apply(to, points)


def test_the_square_is_ffhqs():
    quad = geometry.quad_from_points(UPRIGHT)
    # eyes 32 px apart: side 4 · 32 = 128; centre (64, 60 + 0.1 · 31)
    np.testing.assert_allclose(quad, [[0, -0.9], [0, 127.1], [128, 127.1], [128, -0.9]], atol=1e-9)


def test_a_long_face_takes_its_side_from_eyes_to_mouth():
    long = UPRIGHT + np.array([[0, 0], [0, 0], [0, 10], [0, 20], [0, 20]])
    assert geometry.side_px(geometry.quad_from_points(long)) == pytest.approx(3.6 * 51)


@given(angles, scales, shifts, shifts)
def test_the_square_moves_with_the_face(angle, scale, x, y):
    expected = moved(geometry.quad_from_points(UPRIGHT), angle, scale, x, y)
    np.testing.assert_allclose(geometry.quad_from_points(moved(UPRIGHT, angle, scale, x, y)), expected, atol=1e-6)
    assert geometry.roll_rad(expected) == pytest.approx(angle, abs=1e-9)


@given(angles, scales, shifts, shifts)
def test_the_corners_of_a_crop_are_the_quads(angle, scale, x, y):
    quad = moved(geometry.quad_from_points(UPRIGHT), angle, scale, x, y)
    to_photo = geometry.crop_to_photo(quad, 256)
    corners = np.array([[0, 0], [0, 256], [256, 256], [256, 0]])
    np.testing.assert_allclose(geometry.apply(to_photo, corners), quad, atol=1e-6)
    np.testing.assert_allclose(geometry.apply(geometry.inverse(to_photo), quad), corners, atol=1e-6)


def test_points_on_one_spot_have_no_square():
    with pytest.raises(ValueError, match=r"lie on one spot; expected a face's five points"):
        geometry.quad_from_points(np.full((5, 2), 7.0))
