"""A view: the bytes of `blendgan generate`, and first pictures that are finished later."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.blending import blend_models
from blendgan.generation import Blending, Drawing, generate
from blendgan.images import write_png
from blendgan.live import LiveBlend
from blendgan.projection import draw
from blendgan.recipe import recipe_of
from blendgan.rendering import open_renderer
from blendgan.schedule import Swap, Table
from blendgan.sources import open_source
from blendgan.viewing import KnownFace, View, draw_view
from projector.latent import Latent
from stylegan2.errors import WrongGenerator
from stylegan2.loading import load_generator

RECIPE = recipe_of(Table({4: 0.2, 8: 0.5, 16: 0.3}))


@pytest.fixture
def sources(pico):
    return tuple(open_source(pico(seed)) for seed in (0, 1))


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_the_bytes_are_those_that_generate_writes(sources, noise_mode, tmp_path):
    view = View((3, 7), truncation_psi=0.6, noise_mode=noise_mode)
    drawn = draw_view(LiveBlend(sources).renderer(RECIPE), view)
    drawing = Drawing(Blending(sources, RECIPE), (3, 7), 0.6, noise_mode=noise_mode)
    for picture, shown in zip(generate(drawing), drawn.pictures, strict=True):
        levels = picture.image.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).numpy()
        write_png(tmp_path / picture.filename, Image.fromarray(levels))
        assert (tmp_path / picture.filename).read_bytes() == shown
    assert drawn.complete and len(set(drawn.pictures)) == 2


def test_a_known_face_is_drawn_as_its_latent_is(sources):
    generator = load_generator(blend_models(sources, RECIPE))
    w = torch.randn(1, generator.config.num_ws, 8, generator=torch.Generator().manual_seed(0))
    noise = {"b8.conv1": torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))}
    latent = Latent(w, generator.mapping_fingerprint, noise, {})
    view = View((), (KnownFace("face 1", latent),))
    drawn = draw_view(LiveBlend(sources).renderer(RECIPE), view)
    expected = draw(generator, latent).add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(drawn.pictures[0]))), expected.numpy())
    assert view.names == ("face 1",)
    with pytest.raises(WrongGenerator):
        draw_view(
            LiveBlend(sources).renderer(RECIPE),
            replace(view, faces=(KnownFace("x", replace(latent, mapping="0")),)),
        )


def test_a_first_picture_is_small_and_the_next_call_finishes_it(sources):
    live = LiveBlend(sources)
    view = View((0, 1))
    first = draw_view(live.renderer(RECIPE), view, budget_s=0.0)
    assert not first.complete
    assert [Image.open(io.BytesIO(picture)).size for picture in first.pictures] == [(4, 4), (4, 4)]
    rest = draw_view(live.renderer(RECIPE), view)
    assert rest.complete and rest.pictures == draw_view(LiveBlend(sources).renderer(RECIPE), view).pictures


def test_time_enough_gives_the_whole_at_once(sources):
    assert draw_view(LiveBlend(sources).renderer(recipe_of(Swap(8))), View((0,)), budget_s=60.0).complete


def test_the_renderer_of_a_file_draws_the_same(sources):
    whole = open_renderer(blend_models(sources, RECIPE))
    assert draw_view(whole, View((5,))).pictures == draw_view(LiveBlend(sources).renderer(RECIPE), View((5,))).pictures
