"""Pasting back: exact where it may be, nothing outside, the photo's own grain kept by paste_change."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

import projector
from projector import geometry
from projector.layer import change_layer, face_layer
from projector.paste import compose, parts
from stylegan2.errors import InputError


def square(x, y, edge):
    return geometry.square(np.array([x, y], dtype=float), np.array(edge, dtype=float))


def distance(a, b):
    return np.abs(a.astype(int) - b.astype(int))


ALL = np.ones((16, 16), dtype=np.float32)  # a mask: the whole square


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


@pytest.mark.parametrize("edge", [(60, 0), (128, 0), (150, 70), (310, -80)])
def test_the_way_there_and_back_changes_a_smooth_photo_little(smooth, edge):
    photo = smooth(500, 460)
    aligned = projector.align_quad(photo, square(240, 230, edge), 128)
    back = projector.paste_face(photo, aligned, aligned.crop, ALL)
    assert distance(back, photo).max() <= 6
    assert distance(back, photo).mean() < 0.3


def test_a_real_photo_comes_back_from_a_crop_of_its_own_scale(photo, detector):
    pixels = np.asarray(ImageOps.contain(photo("photo_09"), (500, 500)))
    (face,) = projector.detect(pixels, detector)
    aligned = projector.align(pixels, face, 512)
    assert distance(projector.paste_face(pixels, aligned, aligned.crop, ALL), pixels).mean() < 1


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
    back = projector.paste_face(photo, aligned, aligned.crop, ALL)
    assert distance(back, photo).max() <= 6
    beside = projector.align_quad(photo, square(-500, 20, (100, 0)), 32)
    np.testing.assert_array_equal(projector.paste_face(photo, beside, 255 - beside.crop), photo)


def test_a_change_of_nothing_is_nothing_and_grain_stays():
    random = np.random.default_rng(0)
    photo = random.integers(60, 180, (400, 400, 3), dtype=np.uint8)
    aligned = projector.align_quad(photo, square(200, 200, (260, 60)), 64)
    flat = aligned.crop
    np.testing.assert_array_equal(projector.paste_change(photo, aligned, flat, flat), photo)
    brighter = projector.paste_change(photo, aligned, flat, flat.astype(np.float32) + 20)
    middle = slice(170, 230), slice(170, 230)
    assert distance(brighter[middle], photo[middle] + 20).max() <= 1
    assert projector.paste_change(photo, aligned, flat, flat.astype(np.float32) + 500).max() == 255  # clipped


def test_detail_is_the_share_of_fine_texture(smooth):
    plain = smooth(400, 400)
    grain = np.random.default_rng(0).integers(-20, 21, plain.shape)
    photo = (plain + grain).clip(0, 255).astype(np.uint8)
    aligned = projector.align_quad(photo, square(200, 200, (240, 0)), 64)
    new = aligned.crop // 2
    none, half, full = (projector.paste_face(photo, aligned, new, ALL, detail=d).astype(int) for d in (0, 0.5, 1))
    inner = slice(120, 280), slice(120, 280)
    flat = projector.paste_change(photo, aligned, aligned.crop, aligned.crop, ALL, detail=0).astype(int)
    fine = (photo - flat)[inner]
    assert np.abs(full[inner] - (none[inner] + fine).clip(0, 255)).max() <= 1
    assert np.abs(half[inner] - (none[inner] + fine / 2).clip(0, 255)).max() <= 1.5
    assert np.abs(fine).mean() > 3
    assert np.abs(flat - plain)[inner].mean() < 0.6 * np.abs(photo.astype(int) - plain)[inner].mean()  # grain goes
    with pytest.raises(InputError, match="detail: found 1.5, expected 0"):
        projector.paste_face(photo, aligned, new, detail=1.5)


def test_edges_stay_where_fine_texture_goes():
    photo, _, aligned = two_colours()
    flat = projector.paste_change(photo, aligned, aligned.crop, aligned.crop, ALL, detail=0).astype(int)
    inner = slice(190, 210), slice(110, 290)
    before, after = (np.abs(np.diff(picture[inner].astype(int), axis=1)).max() for picture in (photo, flat))
    assert before > 50
    assert after > 0.8 * before


def two_colours(size=400):
    """A dark head on a light ground: the photo, where the head is, and a face aligned at it."""
    y, x = np.indices((size, size)) + 0.5
    is_head = ((x - 200) / 72) ** 2 + ((y - 200) / 96) ** 2 < 1
    photo = np.where(is_head[..., None], (90, 60, 50), (200, 205, 215)).astype(np.uint8)
    return photo, is_head, projector.align_quad(photo, square(200, 200, (240, 0)), 64)


def test_the_change_of_a_projection_with_another_outline_does_not_spill_over():
    photo, is_head, aligned = two_colours()
    y, x = (np.indices((64, 64)) + 0.5) / 64 * 240 + 80
    drawn = ((x - 200) / 82) ** 2 + ((y - 200) / 106) ** 2 < 1  # 10 px larger all round
    before = np.where(drawn[..., None], (90, 60, 50), (200, 205, 215)).astype(np.uint8)
    after = np.where(drawn[..., None], (90, 120, 50), (200, 205, 215)).astype(np.uint8)  # a greener head
    change = projector.paste_change(photo, aligned, before, after).astype(int) - photo
    assert change[160:240, 160:240, 1].mean() > 50
    outside = ~is_head
    assert np.abs(change[outside]).mean() < 0.5
    naive = projector.paste_face(photo, aligned, after, ALL).astype(int) - photo
    assert np.abs(naive[outside]).mean() > 4  # so much would spill over


def test_the_seam_cannot_be_seen():
    photo = np.full((400, 400, 3), 90, dtype=np.uint8)
    aligned = projector.align_quad(photo, square(200, 200, (240, 0)), 64)
    ((_, part),) = parts(photo, face_layer(aligned, 255 - aligned.crop), ())
    mask = part.mask[0].numpy()
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    new = projector.paste_face(photo, aligned, 255 - aligned.crop)
    box = (slice(80, 320), slice(80, 320))
    assert ((new == photo).all(2)[box] | (mask > 0)).all()
    assert (mask == 0).mean() > 0.2 and (mask == 1).mean() > 0.1
    rim = (mask > 0) & (mask < 0.02)  # where the support ends it rises slowly
    slope = np.hypot(*np.gradient(mask))
    assert rim.any() and slope[rim].max() < 0.06


def test_where_heads_overlap_no_pixel_changes_twice():
    photo = np.full((400, 600, 3), 100, dtype=np.uint8)
    faces = [projector.align_quad(photo, square(x, 200, (220, 0)), 32) for x in (240, 320)]
    brighter = [np.full((32, 32, 3), 160, dtype=np.uint8)] * 2
    layers = [face_layer(face, new) for face, new in zip(faces, brighter, strict=True)]
    both = np.asarray(compose(photo_of(photo), layers)).astype(int)
    alone = [np.asarray(compose(photo_of(photo), [layer])).astype(int) for layer in layers]
    assert both.max() == 160 and alone[0].max() == alone[1].max() == 160
    assert (both <= np.maximum(*alone) + 1).all()
    covered = np.minimum(*alone)[..., 0] == 160
    assert covered.sum() > 100 and (both[..., 0][covered] > 138).all()  # nor is it left out
    doubled = [change_layer(face, face.crop, new) for face, new in zip(faces, brighter, strict=True)]
    assert np.asarray(compose(photo_of(photo), doubled)).max() <= 161


def test_a_near_face_lies_over_a_far_one():
    photo = np.full((400, 400, 3), 100, dtype=np.uint8)
    near = projector.align_quad(photo, square(200, 220, (300, 0)), 32)
    far = projector.align_quad(photo, square(200, 190, (100, 0)), 32)  # within the near one: as good as the same middle
    red, blue = (np.full((32, 32, 3), colour, dtype=np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    one, other = face_layer(near, red), face_layer(far, blue)
    first, second = (np.asarray(compose(photo_of(photo), order)) for order in ([one, other], [other, one]))
    np.testing.assert_array_equal(first, second)  # whatever their order


def photo_of(pixels):
    return projector.photo_from_image(Image.fromarray(pixels))


def test_strips_give_what_one_piece_gives(smooth, monkeypatch):
    photo = smooth(500, 460)
    aligned = projector.align_quad(photo, square(240, 230, (300, 40)), 64)
    whole = projector.paste_change(photo, aligned, aligned.crop, 255 - aligned.crop)
    monkeypatch.setattr("projector.paste.STRIP_PX", 10_000)
    strips = projector.paste_change(photo, aligned, aligned.crop, 255 - aligned.crop)
    assert distance(whole, strips).max() <= 1 and distance(whole, photo).max() > 50


def test_a_finer_crop_is_antialiased_in_a_small_face():
    photo = np.full((100, 100, 3), 10, dtype=np.uint8)
    aligned = projector.align_quad(photo, square(50, 50, (40, 0)), 128)
    checker = np.repeat((np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    middle = projector.paste_face(photo, aligned, checker, ALL)[40:60, 40:60]
    assert np.abs(middle - 127.5).max() < 4


def test_shapes_that_do_not_fit_are_refused(smooth):
    photo = smooth(60, 50)
    aligned = projector.align_quad(photo, square(30, 25, (30, 0)), 16)
    with pytest.raises(InputError, match=r"photo: found uint8 \[60, 50, 3\], expected uint8 \[50, 60, 3\]"):
        projector.paste_face(photo.transpose(1, 0, 2), aligned, aligned.crop)
    with pytest.raises(InputError, match=r"crop: found \[16, 8, 3\], expected a square"):
        projector.paste_face(photo, aligned, aligned.crop[:, :8])
    with pytest.raises(InputError, match=r"mask: found \[16, 8\], expected a square"):
        projector.paste_face(photo, aligned, aligned.crop, ALL[:, :8])
    with pytest.raises(InputError, match=r"crops: found \[32, 32, 3\] after, expected"):
        projector.paste_change(photo, aligned, aligned.crop, np.zeros((32, 32, 3), dtype=np.uint8))
