"""Rankings find channels that were changed on purpose; pure gains go to the right maps; regions are areas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from blendgan.blending import blend_models
from blendgan.channels import Channels, Lists, Ramp, Region, Top, leading
from blendgan.feature_maps import map_counts
from blendgan.ranking import filter_scores, gains, inside_of, region_scores
from blendgan.recipe import Recipe, Transfer
from blendgan.schedule import Uniform
from blendgan.sources import open_source
from stylegan2 import load_generator
from stylegan2.checkpoints import Checkpoint
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import InputError, RecipeError

RIGHT = (0.5, 0.0, 1.0, 1.0)


def altered(model: Checkpoint, name: str, change: Callable[[Tensor], Tensor]) -> Checkpoint:
    """The same model but for one tensor."""
    return replace(model, tensors={**model.tensors, name: change(model.tensors[name].clone())})


def channel(index: int, change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A change of one output channel."""

    def apply(tensor: Tensor) -> Tensor:
        tensor[index] = change(tensor[index])
        return tensor

    return apply


def test_ramp_and_lists_need_no_models(pico):
    model = pico(0)
    ramps = gains(Ramp(0, 1), model, model)
    assert {maps: len(values) for maps, values in ramps.items()} == map_counts(pico().config)
    assert ramps["b16.conv1"] == pytest.approx((0, 1 / 3, 2 / 3, 1))
    listed = gains(Lists({8: [1, 0, 0, 0, 0, 0.5]}), model, model)
    assert listed["b8.conv0"] == listed["b8.conv1"] == (1, 0, 0, 0, 0, 0.5)
    assert listed["b4.const"] == (1,) * 8


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (Lists({8: [1, 0]}), "lists: found 2 gains at 8 px, expected 6, one per channel"),
        (Lists({32: [1, 0]}), "lists: found gains at 32 px, expected resolutions of this model: 4, 8, 16"),
    ],
)
def test_lists_must_fit_the_model(pico, lists, message):
    with pytest.raises(RecipeError) as caught:
        gains(lists, pico(0), pico(1))
    assert str(caught.value) == message


def test_change_is_relative_to_base_and_correlation_is_not_about_size(pico):
    base = pico(0)
    weight = "synthesis.b8.conv1.weight"
    doubled = altered(base, weight, channel(3, lambda kernel: 2 * kernel))
    mixed = altered(
        doubled, weight, channel(5, lambda kernel: kernel + 0.1 * torch.randn(kernel.shape, generator=seeded()))
    )
    change, contrast = (filter_scores(by, base, mixed)["b8.conv1"] for by in ("change", "correlation"))
    assert change[3] == pytest.approx(1)
    assert 0 < change[5] < 0.2
    assert contrast[3] == pytest.approx(-1)
    assert contrast[5] > max(contrast[:5])
    assert gains(Top(0.1, "change"), base, mixed)["b8.conv1"] == (0, 0, 0, 1, 0, 0)
    assert gains(Top(0.1, "correlation"), base, mixed)["b8.conv1"] == (0, 0, 0, 0, 0, 1)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_the_skip_belongs_to_the_filter(pico):
    base = pico(0, replace(pico().config, architecture="resnet"))
    other = altered(base, "synthesis.b8.skip.weight", channel(2, torch.neg))
    scores = filter_scores("change", base, other)
    assert scores["b8.conv1"][2] > 0
    assert scores["b8.conv1"].count(0) == 5
    assert set(scores["b8.conv0"]) == {0}


def test_a_filter_of_zeros_comes_last(pico):
    zeroed = altered(pico(0), "synthesis.b16.conv0.weight", channel(0, torch.zeros_like))
    assert gains(Top(0.75, "change"), zeroed, zeroed)["b16.conv0"] == (0, 1, 1, 1)


def test_filters_without_a_pattern_count_as_they_do_between_relatives(pico):
    """The very same one is the nearest that filters can be, any other one shares nothing."""
    weight = "synthesis.b8.conv1.weight"
    base, other = (altered(pico(0), weight, channel(1, lambda kernel: torch.full_like(kernel, 0.1))) for _ in range(2))
    other = altered(other, weight, channel(2, torch.ones_like))
    scores = filter_scores("correlation", base, other)["b8.conv1"]
    assert scores == pytest.approx([-1, -1, 0, -1, -1, -1])
    assert gains(Top(0.1, "correlation"), base, other)["b8.conv1"] == (0, 0, 1, 0, 0, 0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_region_finds_the_channels_of_the_const_that_differ_there(pico, architecture):
    base = pico(0, replace(pico().config, architecture=architecture))
    shift = torch.zeros(8, 4, 4)
    shift[1, :, :2], shift[6, :, 2:] = 1, 1  # channel 1 differs in the left half, 6 in the right; both alike elsewhere
    other = altered(base, "synthesis.b4.const", lambda const: const + shift)
    scores = region_scores(Region(RIGHT, 0.2), base, other)["b4.const"]
    assert scores[1] == 0
    assert scores[6] == float("inf")
    assert gains(Region(RIGHT, 0.1), base, other)["b4.const"] == (0, 0, 0, 0, 0, 0, 1, 0)
    assert gains(Region((0, 0, 0.5, 1), 0.1), base, other)["b4.const"] == (0, 1, 0, 0, 0, 0, 0, 0)


def test_a_layer_is_compared_on_the_input_that_base_has(pico):
    """A difference further down must not show in the layers above it."""
    base = pico(0)
    other = altered(base, "synthesis.b8.conv0.weight", channel(4, torch.neg))
    scores = region_scores(Region(RIGHT, 0.2), base, other)
    assert scores["b8.conv0"][4] > 0
    different = {maps for maps, values in scores.items() if any(value == value for value in values)}
    assert different == {"b8.conv0"}
    assert sum(value == value for value in scores["b8.conv0"]) == 1


def test_the_skip_acts_in_the_region_of_its_maps(pico):
    base = pico(0, replace(pico().config, architecture="resnet"))
    other = altered(base, "synthesis.b16.skip.weight", channel(1, torch.neg))
    scores = region_scores(Region(RIGHT, 0.2), base, other)["b16.conv1"]
    assert [value == value for value in scores] == [False, True, False, False]


def test_a_region_is_ranked_the_same_each_time_and_otherwise_than_another(pico):
    base, other = pico(0), pico(1)
    first = region_scores(Region(RIGHT, 0.2), base, other)
    assert first == region_scores(Region(RIGHT, 0.2), base, other)
    left = region_scores(Region((0, 0, 0.5, 1), 0.2), base, other)
    for maps in map_counts(pico().config):
        assert [1 / score for score in left[maps]] == pytest.approx(first[maps], rel=1e-4)


def test_labels_and_oblong_pictures_are_ranked_too(pico):
    config = GeneratorConfig(
        8, (4, 3), 6, 6, num_classes=3, mapping_layers=2, mapping_width=6, embed_dim=2, const_size=(3, 5)
    )
    chosen = gains(Region((0, 0, 0.4, 1), 0.5), pico(0, config), pico(1, config))
    assert {maps: sum(values) for maps, values in chosen.items()} == {
        "b4.const": 2,
        "b4.conv1": 2,
        "b8.conv0": 2,
        "b8.conv1": 2,
    }


def test_cells_count_by_the_part_that_is_inside():
    inside = inside_of(Region((0.125, 0.25, 0.5, 1), 0.2))
    expected = torch.tensor([0, 1, 1, 1])[:, None] * torch.tensor([0.5, 1, 0, 0])
    assert torch.equal(inside(4, 4), expected)
    assert float(inside(64, 64).mean()) == pytest.approx(0.375 * 0.75)
    assert float(inside(5, 7).mean()) == pytest.approx(0.375 * 0.75)


def test_a_mask_says_the_same_as_its_box(pico, tmp_path: Path):
    pixels = np.zeros((16, 16), dtype=np.uint8)
    pixels[:, 8:] = 255
    Image.fromarray(pixels).save(tmp_path / "right.png")
    by_mask = region_scores(Region(None, 0.2, str(tmp_path / "right.png")), pico(0), pico(1))
    by_box = region_scores(Region(RIGHT, 0.2), pico(0), pico(1))
    assert by_mask == {maps: pytest.approx(scores) for maps, scores in by_box.items()}


@pytest.mark.parametrize(
    ("region", "error", "message"),
    [
        (Region((0, 0, 1, 1), 0.2), RecipeError, "region: found all of the picture or nothing of it, expected a part"),
        (Region(None, 0.2, "none.png"), InputError, "mask: found 'none.png', expected a picture file"),
    ],
)
def test_a_region_that_cannot_be_used(pico, region, error, message):
    with pytest.raises(error, match=message):
        gains(region, pico(0), pico(1))


@torch.inference_mode()
def test_the_channels_of_a_region_of_the_shipped_pair_change_it_more_than_others_do():
    sources = [open_source("portraits"), open_source("paintings")]
    config, mouth = sources[0].checkpoint.config, Region((0.33, 0.62, 0.67, 0.82), 0.2)
    base = load_generator(sources[0].checkpoint)
    z = torch.from_numpy(np.random.RandomState(7).randn(8, config.z_dim)).float()
    ws = base.mapping(z, truncation_psi=0.7)
    faces, inside = base.synthesis(ws), inside_of(mouth)(*config.image_size)

    def ratio(channels: Channels) -> float:
        blended = blend_models(sources, Recipe((Transfer(Uniform(1), channels=channels),)))
        change = (load_generator(blended).synthesis(ws) - faces).abs().mean(dim=(0, 1))
        return float((change * inside).sum() / inside.sum() * (1 - inside).sum() / (change * (1 - inside)).sum())

    def by_lot(seed: int) -> Channels:
        lot = np.random.RandomState(seed)
        return Lists({r: leading(lot.rand(config.channels_at(r)).tolist(), 0.2) for r in config.resolutions})

    chance = np.mean([ratio(by_lot(seed)) for seed in range(4)])  # single ones go from 0.9 to 1.3
    assert ratio(mouth) > 1.15 * chance  # 1.24 measured
