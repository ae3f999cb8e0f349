"""The head's mask: an egg where the points say, turned and shifted with them, refined by colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import projector
from projector import geometry, head

FRAME = geometry.square(np.array([50.0, 50.0]), np.array([100.0, 0.0]))  # a crop of 100 px at the photo's origin


def points(**moved):
    found = head.MEAN_POINTS * 100
    for name, by in moved.items():
        found[["left_eye", "right_eye", "nose"].index(name)] += by
    return found


def test_without_points_it_is_the_mean_face():
    egg, mean = head.egg_of(points(), FRAME), head.egg_of(None, FRAME)
    assert np.allclose([egg.x, egg.y, egg.below], [mean.x, mean.y, mean.below])


def test_a_turned_head_lies_behind_its_nose():
    straight, right = head.egg_of(points(), FRAME), head.egg_of(points(nose=(6, 0)), FRAME)
    assert right.x < straight.x - 0.01
    assert right.x == pytest.approx(straight.x - head.TURN_SHIFT * 0.06)


def test_a_tilted_photo_gives_the_same_egg():
    turned = geometry.square(np.array([30.0, 80.0]), np.array([60.0, 80.0]))
    placed = geometry.apply(geometry.crop_to_photo(turned, 1), head.MEAN_POINTS)
    one, other = head.egg_of(placed, turned), head.egg_of(None, FRAME)
    assert np.allclose([one.x, one.y, one.below], [other.x, other.y, other.below])


def test_all_points_lie_in_the_core_and_the_border_outside():
    egg = head.egg_of(None, FRAME)
    assert egg.reach(*head.MEAN_POINTS.T).max() < head.CORE
    limit = head.limit(egg, 128)
    assert float(torch.cat([limit[0, 0], limit[0, -1], limit[0, :, 0], limit[0, :, -1]]).max()) == 0
    assert float(limit[0, 64, 64]) == 1
    assert float((limit[0, 1:] - limit[0, :-1]).abs().max()) < 0.2


def test_colours_decide_between_core_and_far():
    egg = head.egg_of(None, FRAME)
    y, x = (np.indices((128, 128)) + 0.5) / 128
    wide = ((x - 0.5) / 0.40) ** 2 + ((y - 0.5) / 0.42) ** 2 < 1  # hair reaches farther out on both sides
    narrow = ((x - 0.5) / 0.29) ** 2 + ((y - 0.5) / 0.42) ** 2 < 1
    for is_head in (wide, narrow):
        crop = torch.from_numpy(np.where(is_head, 0.2, 0.8).astype(np.float32)).expand(3, -1, -1)
        share = head.share(head.matte(egg, crop), crop)[0].numpy()
        middle = (y > 0.35) & (y < 0.65) & (egg.reach(x, y) < 1.15)  # beside the eyes, where the two differ
        assert share[middle & is_head].mean() > 0.9
        assert share[middle & ~is_head].mean() < 0.1


def test_heads_of_real_faces_are_covered(faces):
    """Skin and hair of the mean training face, and little of what lies beside its neck."""
    crops = [projector.read_photo(path).pixels for path in sorted(faces.glob("us_*.jpg"))[:12]]
    shares = []
    for pixels in crops:
        crop = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        egg = head.egg_of(None, FRAME)
        shares.append(head.share(head.matte(egg, crop), crop) * head.limit(egg, 128))
    mean = torch.stack(shares).mean(0)[0]
    assert float(mean[40:96, 44:84].min()) > 0.9  # eyes to mouth
    assert float(mean[:8].max()) < 0.9 and float(mean[110:, :20].max()) < 0.2
