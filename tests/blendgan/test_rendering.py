"""A renderer draws what the network gives, a seed alike in any company, toward the mean that was asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from blendgan.rendering import Setting, label_of, latent_of, open_renderer, renderer_of
from stylegan2 import load_generator
from stylegan2.errors import InputError
from stylegan2.loading import estimate_w_avg


@pytest.fixture
def lively(pico):
    """As `pico`, but its seeds differ: random numbers times the usual multiplier, 0.01, would map all z to one w."""
    return lambda seed: pico(seed, config=dataclasses.replace(pico().config, lr_multiplier=1.0))


def test_latents_are_those_of_randomstate():
    assert torch.equal(latent_of(42, 8), torch.from_numpy(np.random.RandomState(42).randn(1, 8)).float())
    assert latent_of(42, 8)[0, 0].item() == pytest.approx(0.4967141530)  # as in every StyleGAN notebook


def test_a_picture_is_what_the_network_gives(lively):
    renderer = open_renderer(lively(3), Setting(truncation_psi=0.5))
    (picture,) = renderer.draw_each(renderer.styles_of([7]))
    generator = load_generator(lively(3))
    with torch.inference_mode():
        expected = generator.synthesis(generator.mapping(latent_of(7, 8), truncation_psi=0.5))
    assert torch.equal(picture, expected)


def test_a_seed_is_the_same_in_any_company(lively):
    renderer = open_renderer(lively(3))
    alone, among = renderer.styles_of([5]), renderer.styles_of([9, 5])
    assert torch.equal(alone[0], among[1])
    assert not torch.equal(among[0], among[1])


def test_the_mean_w_can_be_computed_anew(lively):
    stored, estimated = (open_renderer(lively(3), Setting(0.0, mean_w=mean)) for mean in ("stored", "estimated"))
    mean = estimate_w_avg(load_generator(lively(3)))
    assert torch.equal(stored.styles_of([1])[0, 0], lively(3).tensors["mapping.w_avg"])
    torch.testing.assert_close(estimated.styles_of([1])[0, 0], mean)
    assert (mean - lively(3).tensors["mapping.w_avg"]).abs().max() > 0.1


def test_a_class_is_asked_for_and_changes_the_picture(pico):
    three = pico(3, config=dataclasses.replace(pico().config, num_classes=3))
    first, last = (open_renderer(three, Setting(class_index=i)) for i in (0, 2))
    assert not torch.equal(first.draw(first.styles_of([0])), last.draw(last.styles_of([0])))
    with pytest.raises(InputError, match="class: this model has 3 classes; choose one"):
        open_renderer(three)


def test_noise_is_the_models_own_or_new_or_none(lively):
    renderer = open_renderer(lively(3))
    ws = renderer.styles_of([7])
    own, none = renderer.draw(ws), renderer.draw(ws, "none")
    first, again, other = (renderer.draw(ws, "random", torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert len({tuple(picture.flatten().tolist()) for picture in (own, none, first, other)}) == 4


def test_seeds_are_drawn_one_by_one(lively):
    renderer = open_renderer(lively(3))
    assert torch.equal(renderer.draw_seeds([9, 5]), torch.cat([renderer.draw_seeds([seed]) for seed in (9, 5)]))


def test_an_open_generator_is_drawn_with_as_it_is(lively):
    generator = load_generator(lively(3))
    renderer = renderer_of(generator, Setting(0.5))
    assert renderer.generator is generator
    assert torch.equal(renderer.draw_seeds([7]), open_renderer(lively(3), Setting(0.5)).draw_seeds([7]))


def test_labels(pico):
    config = pico().config
    three = dataclasses.replace(config, num_classes=3)
    assert label_of(config, None) is None
    assert label_of(three, 2).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("classes", "index", "message"),
    [
        (0, 1, "class 1: this model has no classes; leave the class out"),
        (3, None, "class: this model has 3 classes; choose one, 0 … 2"),
        (3, 3, "class 3: this model has 3 classes; choose one, 0 … 2"),
    ],
)
def test_a_class_that_does_not_fit(pico, classes, index, message):
    with pytest.raises(InputError) as caught:
        label_of(dataclasses.replace(pico().config, num_classes=classes), index)
    assert str(caught.value) == message
