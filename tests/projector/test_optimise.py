"""Projection: distances, penalties, and that known latents are found again."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from projector.focus import face_focus
from projector.movers import ramp
from projector.noise_maps import noise_structure, normalise_noise
from projector.optimise import ProjectionConfig, project
from projector.perceptual import TERMS, Target, Weights, format_weights, parse_weights, pixel_distance
from projector.regularisers import delta, prior, spread
from projector.spaces import w_statistics
from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator, feature_distance
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w

QUICK = ProjectionConfig(steps=60, candidates=16)


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return Discriminator(DiscriminatorConfig(16, (8, 6, 4))).eval().requires_grad_(False)


def faces(generator: Generator, count: int) -> Tensor:
    return generator.synthesis(sample_w(generator, count, seed=9)[:, None].repeat(1, generator.config.num_ws, 1))


def test_distances_are_zero_for_the_same_and_grow_with_the_change(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    target = Target(pictures, discriminator)
    torch.testing.assert_close(target.distance(pictures), torch.zeros(2))
    near, far = target.distance(pictures + 0.1 * pictures.flip(3)), target.distance(pictures.flip(3))
    assert bool((near > 0).all())
    assert bool((far > near).all())


def test_the_distance_of_one_does_not_depend_on_the_others(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 3)
    together = Target(pictures, discriminator).distance(pictures.flip(3))
    alone = Target(pictures[1:2], discriminator).distance(pictures[1:2].flip(3))
    torch.testing.assert_close(together[1:2], alone)


def test_pixels_are_compared_at_every_scale() -> None:
    black, checked = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    checked[..., ::2] = -1  # vanishes at half the size
    torch.testing.assert_close(pixel_distance(checked, black), torch.tensor([0.5]))
    torch.testing.assert_close(pixel_distance(black + 1, black), torch.tensor([1.0]))


def test_features_ignore_their_own_size(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 1)
    for level in discriminator.unit_features(pictures):
        torch.testing.assert_close(level.norm(dim=1), torch.ones_like(level[:, 0]), atol=1e-3, rtol=0)
    assert feature_distance(discriminator.unit_features(pictures), discriminator.unit_features(pictures)) == 0


@pytest.mark.parametrize("space", ["w", "w+", "w+n"])
def test_a_generated_face_is_found_again(space: str, generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    steps = list(project(pictures, generator, discriminator, replace(QUICK, space=space)))
    start, end = steps[0], steps[-1]
    assert [step.index for step in steps] == list(range(61))
    assert end.total == 60
    assert end.w.shape == (2, generator.config.num_ws, generator.config.w_dim)
    assert bool((end.distances < 0.5 * start.distances).all())
    rendered = generator.synthesis(end.w, noise=end.noise)
    own = (rendered - pictures).square().mean(dim=[1, 2, 3])
    other = (rendered - pictures.flip(0)).square().mean(dim=[1, 2, 3])
    assert bool((own < other).all())
    assert (space == "w") == torch.equal(end.w[:, 0], end.w[:, -1])
    assert (space == "w+n") == bool(end.noise)


def test_projection_is_reproducible_and_needs_no_discriminator(generator) -> None:  # type: ignore[no-untyped-def]
    config = replace(QUICK, steps=5)
    a, b = (list(project(faces(generator, 1), generator, None, config))[-1] for _ in range(2))
    assert torch.equal(a.w, b.w)
    other = list(project(faces(generator, 1), generator, None, replace(config, seed=1)))[-1]
    assert not torch.equal(a.w, other.w)


def test_statistics_are_the_mapping_networks_own(generator) -> None:  # type: ignore[no-untyped-def]
    statistics = w_statistics(generator)
    w = sample_w(generator, 2000, seed=5)
    assert ((w.mean(dim=0) - statistics.mean) / statistics.std).abs().max() < 0.15
    assert (w.std(dim=0) / statistics.std - 1).abs().max() < 0.15


def test_the_rate_rises_and_falls() -> None:
    rates = [ramp(i / 100, 0.05, 0.25) for i in range(100)]
    assert rates[0] < 0.3 < max(rates) == 1
    assert rates[-1] < 0.01
    assert rates[50] == 1


def test_structure_in_noise_is_punished_and_white_noise_is_not() -> None:
    white = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    striped = torch.ones(1, 1, 32, 32)
    striped[..., ::2] = -1
    assert noise_structure(striped) > 1 > 0.1 > noise_structure(white)
    noise = {"b32.conv0": 3 * white + 1}
    normalise_noise(noise)
    torch.testing.assert_close(noise["b32.conv0"].mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(noise["b32.conv0"].square().mean(), torch.tensor(1.0), atol=1e-5, rtol=0)


def test_bad_numbers_are_named(generator) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="space: found 'z'"):
        ProjectionConfig(space="z")
    with pytest.raises(InputError, match="steps: found -1"):
        ProjectionConfig(steps=-1)
    with pytest.raises(InputError, match="steps: found 0, expected at least 1 where there is no w"):
        next(project(torch.zeros(1, 3, 16, 16), generator, None, ProjectionConfig(steps=0)))
    with pytest.raises(InputError, match="start: found w of 2 faces, expected 1"):
        next(project(torch.zeros(1, 3, 16, 16), generator, None, start=torch.zeros(2, 6, 8)))
    with pytest.raises(InputError, match=r"start: found w of shape \(1, 5, 8\), expected \[faces, 6, 8\]"):
        next(project(torch.zeros(1, 3, 16, 16), generator, None, start=torch.zeros(1, 5, 8)))
    with pytest.raises(InputError, match=r"pictures of \(32, 32\) px"):
        next(project(torch.zeros(1, 3, 32, 32), generator, None))


def test_weights_choose_the_terms(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 1)
    both, pixels, features = (
        Target(pictures, discriminator, weights).distance(pictures.flip(3))
        for weights in (Weights(1, 1), Weights(0, 1), Weights(1, 0))
    )
    torch.testing.assert_close(both, pixels + features)


def test_no_steps_give_the_start(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    start = sample_w(generator, 2, seed=5)[:, None].repeat(1, generator.config.num_ws, 1)
    (only,) = project(pictures, generator, discriminator, ProjectionConfig(steps=0), start=start)
    torch.testing.assert_close(only.w, start, atol=1e-5, rtol=1e-5)
    expected = Target(pictures, discriminator).distance(generator.synthesis(start))
    torch.testing.assert_close(only.distances, expected, atol=1e-4, rtol=1e-4)
    assert (only.index, only.total) == (0, 0)


def test_a_face_does_not_depend_on_its_company(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 3)
    config = replace(QUICK, steps=10)
    together = list(project(pictures, generator, discriminator, config))[-1]
    for i in range(3):
        alone = list(project(pictures[i : i + 1], generator, discriminator, config))[-1]
        torch.testing.assert_close(together.w[i : i + 1], alone.w, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(together.distances[i : i + 1], alone.distances, atol=1e-5, rtol=1e-5)


def test_the_last_event_holds_the_best(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    wild = ProjectionConfig(steps=12, learning_rate=3.0, jitter=0.0, prior=0, spread=0, noise=0, space="w+")
    steps = list(project(pictures, generator, discriminator, wild))
    distances = torch.stack([step.distances for step in steps])
    assert bool((distances.diff(dim=0) <= 0).all())
    assert bool((distances.diff(dim=0) == 0).any())  # of steps so long some lead astray
    measured = Target(pictures, discriminator).distance(generator.synthesis(steps[-1].w))
    torch.testing.assert_close(steps[-1].distances, measured)


def test_an_even_focus_is_none(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    config = replace(QUICK, steps=5)
    plain = list(project(pictures, generator, discriminator, config))[-1]
    even = list(project(pictures, generator, discriminator, config, focus=torch.full([2, 1, 16, 16], 3.0)))[-1]
    torch.testing.assert_close(even.w, plain.w, atol=1e-4, rtol=1e-4)


def test_a_focus_brings_its_half_nearer(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    target = torch.cat([faces(generator, 1)[..., :8], faces(generator, 2)[1:, ..., 8:]], dim=3)  # two half faces
    left = torch.zeros(1, 1, 16, 16)
    left[..., :8] = 1
    config = replace(QUICK, weights=Weights(features=0))
    halves = {}
    for name, focus in {"left": left, "right": 1 - left}.items():
        end = list(project(target, generator, None, config, focus=focus))[-1]
        halves[name] = (generator.synthesis(end.w, noise=end.noise) - target)[..., :8].square().mean()
    assert halves["left"] < 0.5 * halves["right"]


def test_a_focus_of_another_shape_or_of_nothing_is_refused(discriminator) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"focus: found shape \(1, 1, 8, 8\), expected \(1, 1, 16, 16\)"):
        Target(torch.zeros(1, 3, 16, 16), discriminator, focus=torch.ones(1, 1, 8, 8))
    with pytest.raises(InputError, match="expected 0 or more"):
        Target(torch.zeros(1, 3, 16, 16), discriminator, focus=torch.zeros(1, 1, 16, 16))


def test_a_face_that_no_longer_becomes_better_stops(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    start = sample_w(generator, 2, seed=9)[:, None].repeat(1, generator.config.num_ws, 1)
    start[1] = sample_w(generator, 1, seed=5)  # the first face starts at its own w, so it has nothing to gain
    config = ProjectionConfig(steps=30, space="w+", patience=3, jitter=0, prior=0, spread=0)
    steps = list(project(pictures, generator, discriminator, config, start=start))
    assert all(torch.equal(step.w[0], steps[0].w[0]) for step in steps)
    assert steps[-1].distances[1] < 0.7 * steps[0].distances[1]
    alone = list(project(pictures[:1], generator, discriminator, config, start=start[:1]))
    assert [step.index for step in alone] == [0, 1, 2, 3, 30]
    moving = list(project(pictures[1:], generator, discriminator, config, start=start[1:]))
    torch.testing.assert_close(steps[-1].w[1:], moving[-1].w, atol=1e-5, rtol=1e-5)


def test_lbfgs_goes_further_down(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 2)
    config = ProjectionConfig(steps=10, space="w+", prior=0, spread=0)
    adam = list(project(pictures, generator, discriminator, config))[-1]
    both = list(project(pictures, generator, discriminator, replace(config, lbfgs=15)))
    assert [step.index for step in both] == list(range(26))
    assert bool((both[-1].distances < 0.7 * adam.distances).all())
    longer = list(project(pictures, generator, discriminator, replace(config, steps=25)))[-1]
    assert bool((both[-1].distances < longer.distances).all())


def test_the_config_chooses_the_focus(generator, discriminator) -> None:  # type: ignore[no-untyped-def]
    pictures = faces(generator, 1)
    config = replace(QUICK, steps=4)
    given = list(project(pictures, generator, discriminator, config, focus=face_focus(1, 16, 0.7)))[-1]
    said = list(project(pictures, generator, discriminator, replace(config, focus=0.7)))[-1]
    none = list(project(pictures, generator, discriminator, config))[-1]
    assert torch.equal(given.w, said.w)
    assert not torch.equal(none.w, said.w)


def test_a_loss_in_words() -> None:
    assert parse_weights("features=1,pixels=0.5") == Weights(1, 0.5)
    assert parse_weights("lpips=2") == Weights(0, 0, 2)
    assert parse_weights(format_weights(Weights(0.5, 2))) == Weights(0.5, 2)
    assert list(TERMS) == [field.name for field in fields(Weights)]
    for text, message in {
        "taste=1": "found the term 'taste', expected one of features, pixels, lpips",
        "pixels": "found 'pixels', expected NAME=WEIGHT",
        "pixels=0": "one of them above 0",
        "pixels=-1": "expected weights of 0 or more",
        "pixels=nan": "expected weights of 0 or more",
    }.items():
        with pytest.raises(InputError, match=message):
            parse_weights(text)


def test_features_alone_need_a_discriminator() -> None:
    with pytest.raises(InputError, match="features need the model's discriminator"):
        Target(torch.zeros(1, 3, 16, 16), None, Weights(1, 0))


def test_penalties_are_what_they_say() -> None:
    u = torch.tensor([[[1.0, 1.0], [3.0, 1.0], [3.0, -1.0]]])
    assert prior(u).item() == pytest.approx(22 / 6)
    assert spread(u).item() == pytest.approx(8 / 9)
    assert delta(u).item() == pytest.approx(2.0)
    assert delta(u[:, :1]).item() == 0
