"""A photo redrawn by one blend after another: the same as redrawing it whole, also in a smaller copy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.blending import blend_models
from blendgan.faces import WHOLE, align_faces
from blendgan.live import LiveBlend
from blendgan.live_photo import LivePhoto, one_of, shrunk_photo
from blendgan.recipe import recipe_of
from blendgan.samples import PORTRAIT
from blendgan.schedule import Swap, Uniform
from blendgan.sources import open_source
from blendgan.toonification import ToonSettings, drawing_studio, render
from projector.detection import Face
from projector.latent import Latent
from projector.photo import Photo, photo_from_image
from stylegan2.errors import WrongGenerator
from stylegan2.loading import load_generator, sample_w

POINTS = np.array([[205, 95], [245, 95], [225, 118], [208, 140], [242, 140]], np.float32)  # of the portrait


@pytest.fixture(scope="module")
def models(pico):
    return pico(0), pico(1)


@pytest.fixture(scope="module")
def base(models):
    return load_generator(models[0])


def live_of(base, photo: Photo, scale: float = 1.0) -> LivePhoto:
    """Two faces side by side, with any latents of BASE."""
    from projector.alignment import align

    moved = [POINTS * scale, (POINTS + [120, 40]) * scale]
    faces = tuple(align(photo.pixels, Face(points, (0, 0, 1, 1), 1.0), 16) for points in moved)
    w = sample_w(base, 2, 3)[:, None].repeat(1, base.config.num_ws, 1)
    return LivePhoto(base, photo, faces, Latent(w, base.mapping_fingerprint))


@pytest.fixture(scope="module")
def live(base) -> LivePhoto:
    return live_of(base, photo_from_image(Image.open(PORTRAIT)))


def drawn(live, blended):
    return [live.draw_face(blended, place) for place in range(len(live.faces))]


@pytest.mark.parametrize("settings", [
    ToonSettings(), ToonSettings(paste="face"), ToonSettings(match_colour=True), ToonSettings(detail=0.8),
], ids=str)  # fmt: skip
def test_patches_are_the_parts_of_the_whole(settings, live, models):
    sources = [open_source(model) for model in models]
    blend, recipe = LiveBlend(sources), recipe_of(Swap(8, "high"))
    seen = []
    for each in (recipe_of(Uniform(0.5)), recipe):  # the second time what stays the same is known
        patches = live.patches(drawn(live, blend.renderer(each).generator), settings)
        seen.append(patches)
    whole = render(drawing_studio(sources, recipe), live.photo, live.faces, live.latent, settings).image
    assert len(patches) == 2
    for patch in patches:
        assert np.array_equal(np.asarray(patch.picture), np.asarray(whole.crop(patch.box)))
    assert not np.array_equal(np.asarray(seen[0][0].picture), np.asarray(seen[1][0].picture))
    covered = np.array(whole)
    for left, top, right, bottom in (patch.box for patch in patches):
        covered[top:bottom, left:right] = live.photo.pixels[top:bottom, left:right]
    assert np.array_equal(covered, live.photo.pixels)  # nothing else has changed


def test_the_whole_is_that_of_a_studio_and_says_its_recipe(live, models):
    sources, recipe = [open_source(model) for model in models], recipe_of(Swap(8))
    mine = live.toon(LiveBlend(sources).renderer(recipe).generator, ToonSettings())
    studio = drawing_studio(sources, recipe)
    theirs = render(studio, live.photo, live.faces, live.latent, ToonSettings())
    assert np.array_equal(np.asarray(mine.image), np.asarray(theirs.image)) and mine.recipe == studio.recipe


def test_a_smaller_copy_looks_like_the_whole(base, models):
    large = Image.open(PORTRAIT).resize((1536, 1536), Image.Resampling.BICUBIC)
    live = live_of(base, photo_from_image(large), 3.0)
    small = live.shrunk(512)
    assert small.photo.size == (512, 512) and live.shrunk(1536) is live
    blended = load_generator(blend_models([open_source(model) for model in models], recipe_of(Uniform(1.0))))
    settings = ToonSettings(paste="face")
    image = live.toon(blended, settings).image.resize((512, 512), Image.Resampling.LANCZOS)
    for patch in small.patches(drawn(small, blended), settings):
        shown, whole = np.asarray(patch.picture).astype(float), np.asarray(image.crop(patch.box)).astype(float)
        photo = np.asarray(Image.fromarray(small.photo.pixels).crop(patch.box)).astype(float)
        assert np.abs(shown - whole).mean() < 0.1 * np.abs(shown - photo).mean()  # it did change


def test_a_copy_keeps_what_is_transparent():
    photo = photo_from_image(Image.new("RGBA", (40, 20), (1, 2, 3, 120)))
    small = shrunk_photo(photo, 10)
    assert small.size == (10, 5) and small.alpha is not None and set(small.alpha.ravel()) == {120}


def test_one_of_a_latent_has_its_noise_too():
    latent = Latent(torch.arange(6.0).reshape(3, 2, 1), "m", {"b8.conv0": torch.arange(3.0).reshape(3, 1, 1, 1)})
    one = one_of(latent, 1)
    assert one.w.ravel().tolist() == [2, 3] and one.noise["b8.conv0"].ravel().tolist() == [1]
    assert one.mapping == "m"


def test_a_latent_of_another_family_is_refused(live, pico):
    stranger = load_generator(pico(5))
    with pytest.raises(WrongGenerator, match="belongs to the mapping network"):
        live.draw_face(stranger, 0)


def test_an_aligned_picture_is_one_face(base, models):
    photo = photo_from_image(Image.open(PORTRAIT))
    whole = live_of(base, photo)
    faces = tuple(align_faces(photo, "portrait", WHOLE, 16))
    one = dataclasses.replace(whole, faces=faces, latent=one_of(whole.latent, 0))
    (patch,) = one.patches(drawn(one, base), ToonSettings(detail=1.0))
    assert patch.box == (0, 0, 512, 512) and np.array_equal(np.asarray(patch.picture), photo.pixels)
