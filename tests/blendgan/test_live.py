"""A blend that changes draws what a fresh one draws, to the bit, and blends and computes only what changed."""

from __future__ import annotations

import pytest
import torch

from blendgan import combine
from blendgan.blending import blend_models
from blendgan.channels import Ramp
from blendgan.live import LiveBlend
from blendgan.recipe import Recipe, Transfer, recipe_of
from blendgan.rendering import Setting, open_renderer
from blendgan.schedule import Layers, Swap, Table, Uniform
from blendgan.sources import open_source
from stylegan2.generator import SynthesisBlock

RECIPES = (
    recipe_of(Swap(8)),
    recipe_of(Swap(4)),
    recipe_of(Table({4: 0.2, 8: 0.5, 16: 0.3})),
    recipe_of(Table({4: 0.2, 8: 0.5, 16: 0.7})),
    recipe_of(Table({4: 0.2, 8: 0.5, 16: 0.7}), mapping="transfer", w_avg="transfer"),
    recipe_of(Uniform(0.0), noise="transfer"),
    recipe_of(Layers((1, 0, 0.5, 0, 1, 0))),
    Recipe((Transfer(Uniform(1.0), channels=Ramp(0.0, 1.0)),)),
    recipe_of(Swap(8)),
)


@pytest.fixture
def sources(pico):
    return tuple(open_source(pico(seed)) for seed in (0, 1))


def test_it_draws_what_a_fresh_blend_draws(sources):
    setting = Setting(truncation_psi=0.7)
    live = LiveBlend(sources, setting)
    drawn = []
    for recipe in RECIPES:
        fresh = open_renderer(blend_models(sources, recipe), setting)
        renderer = live.renderer(recipe)
        drawn.append(renderer.draw_seeds([0, 1]))
        assert torch.equal(drawn[-1], fresh.draw_seeds([0, 1]))
        assert renderer.generator.mapping_fingerprint == fresh.generator.mapping_fingerprint
        assert renderer.generator.metadata == fresh.generator.metadata
    assert torch.equal(drawn[0], drawn[-1])
    assert all(not torch.equal(a, b) for a, b in zip(drawn, drawn[1:], strict=False))


def test_only_what_changed_is_blended_and_computed(sources, monkeypatch):
    live = LiveBlend(sources)
    live.renderer(RECIPES[2]).draw_seeds([0])
    blended, computed = [], []
    whole, forward = combine.whole, SynthesisBlock.forward

    def count_blended(base, shares, name):
        blended.append(name)
        return whole(base, shares, name)

    def count_computed(self, *arguments):
        y = forward(self, *arguments)
        computed.append(y[0].shape[-1])
        return y

    monkeypatch.setattr(combine, "whole", count_blended)
    monkeypatch.setattr(SynthesisBlock, "forward", count_computed)
    live.renderer(RECIPES[3]).draw_seeds([0])
    assert computed == [16]
    assert blended
    assert all(name.startswith("synthesis.b16.") for name in blended)


def test_the_sources_stay_as_they_are(sources):
    before = [{name: t.clone() for name, t in source.checkpoint.tensors.items()} for source in sources]
    live = LiveBlend(sources, Setting(mean_w="estimated"))
    for recipe in RECIPES:
        live.renderer(recipe).draw_seeds([0])
    for source, tensors in zip(sources, before, strict=True):
        assert all(torch.equal(source.checkpoint.tensors[name], tensor) for name, tensor in tensors.items())


def test_models_without_a_mean_w_have_it_estimated_anew(pico, sources):
    bare = []
    for source in sources:
        tensors = {name: t for name, t in source.checkpoint.tensors.items() if name != "mapping.w_avg"}
        bare.append(open_source(type(source.checkpoint)(source.checkpoint.config, tensors, {"format": "test"})))
    live = LiveBlend(bare)
    for recipe in (recipe_of(Swap(8)), recipe_of(Swap(8), mapping="transfer")):
        fresh = open_renderer(blend_models(bare, recipe))
        assert torch.equal(live.renderer(recipe).generator.mapping.w_avg, fresh.generator.mapping.w_avg)
