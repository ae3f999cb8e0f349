"""What pictures say of their making, whoever draws them, under one key; and what they keep to themselves."""

from __future__ import annotations

import json

import blendgan
from blendgan.blending import blend
from blendgan.papers import METADATA_KEY, papers, text_of
from blendgan.recipe import KEY
from blendgan.schedule import Swap
from blendgan.sources import Source
from stylegan2.checkpoints import fingerprint


def test_models_are_told_by_name_and_fingerprint_and_no_folder(pico):
    said = papers("grid", Source("secret/a.pkl", pico(0)), Source("secret/a.pkl", pico(1)))
    models = [{"name": "a.pkl", "fingerprint": fingerprint(pico(seed))} for seed in (0, 1)]
    assert said == {"command": "grid", "version": blendgan.__version__, "models": models}


def test_a_blend_alone_is_told_with_the_recipe_that_made_it(pico):
    blended = Source("b", blend(pico(0), pico(1), Swap(8)))
    assert papers("mix", blended)[KEY] == blended.checkpoint.metadata[KEY]
    assert KEY not in papers("grid", blended, blended)


def test_a_recipe_that_is_only_recommended_is_not_told(pico):
    model = pico(0)
    recommends = Source("m", type(model)(model.config, model.tensors, {KEY: {"schedule": "swap-res 8"}}))
    assert KEY not in papers("mix", recommends)


def test_without_models_none_are_told():
    assert papers("toonify") == {"command": "toonify", "version": blendgan.__version__}


def test_a_picture_holds_them_under_one_key():
    assert {key: json.loads(text) for key, text in text_of({"a": "ä"}).items()} == {METADATA_KEY: {"a": "ä"}}
