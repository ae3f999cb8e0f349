"""A model cut to a smaller size draws its own picture of that size; a grafted one has the larger's shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from blendgan.grafting import graft, shrink
from stylegan2 import checkpoints
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import RecipeError, ShapeMismatch
from stylegan2.loading import load_generator

TOLERANCE = 1e-5  # fp32, and sums in one order; the pictures are of the order of 1


@pytest.fixture
def larger(pico):
    return pico(1, replace(pico().config, resolution=64, channels=(8, 6, 4, 4, 2)))


def picture_after(checkpoint: Checkpoint, resolution: int, ws: torch.Tensor) -> torch.Tensor:
    """The picture of a skip generator after one of its blocks, block by block."""
    synthesis = load_generator(checkpoint).synthesis
    x = picture = None
    for index, size in enumerate(synthesis.resolutions):
        block = synthesis.get_submodule(f"b{size}")
        convolutions = ["conv1"] if index == 0 else ["conv0", "conv1"]
        first = max(2 * index - 1, 0)
        noise = [block.get_submodule(name).noise_const[None, None] for name in convolutions]
        x, picture = block(x, picture, ws[:, first : first + len(convolutions) + 1].unbind(1), noise)
        if size == resolution:
            return picture
    raise AssertionError(resolution)


def latents(checkpoint: Checkpoint) -> torch.Tensor:
    config = checkpoint.config
    return torch.randn(2, config.num_ws, config.w_dim, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("resolution", [4, 16, 32])
def test_the_shrunk_model_draws_the_picture_after_its_last_block(larger, resolution):
    small = shrink(larger, resolution)
    ws = latents(larger)
    expected = picture_after(larger, resolution, ws)
    assert expected.shape[-1] == resolution
    assert expected.std() > 0.1
    found = load_generator(small).synthesis(ws[:, : small.config.num_ws])
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=TOLERANCE)


def test_the_shrunk_model_is_a_whole_model(larger, tmp_path):
    small = shrink(larger, 16)
    assert (small.config.resolution, small.config.channels, small.config.num_ws) == (16, (8, 6, 4), 6)
    assert set(small.tensors) == set(checkpoints.expected_shapes(small.config))
    assert all(torch.equal(small.tensors[name], larger.tensors[name]) for name in small.tensors)
    small.save(tmp_path / "small.safetensors")  # checks every shape
    again = shrink(checkpoints.load(tmp_path / "small.safetensors"), 8)  # tensors read lazily
    assert torch.equal(again.tensors["mapping.w_avg"], larger.tensors["mapping.w_avg"])


def test_other_networks_and_the_recipe_are_left_behind(larger):
    raw = {f"raw.{name}": tensor for name, tensor in larger.tensors.items()}
    full = replace(larger, tensors={**larger.tensors, **raw}, metadata={"licence": "CC0 1.0", "recipe": {}})
    small = shrink(full, 8)
    assert not [name for name in small.tensors if name.startswith("raw.")]
    assert small.metadata == {"licence": "CC0 1.0"}


def test_its_own_size_is_the_model_itself(larger):
    assert shrink(larger, 64) is larger
    assert graft(larger, larger) is larger


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_without_a_to_rgb_there_is_no_smaller_picture(pico, architecture):
    model = pico(0, replace(pico().config, architecture=architecture))
    with pytest.raises(
        RecipeError, match=f"architecture: found {architecture}.*only to-RGB is at 16 px.*expected skip"
    ):
        shrink(model, 8)


def test_a_size_that_the_model_does_not_have(larger):
    with pytest.raises(RecipeError, match="resolution: found 128 px, expected one of 4, 8, 16, 32, 64"):
        shrink(larger, 128)


def test_a_grafted_model_has_the_smaller_below_and_the_larger_above(pico, larger):
    smaller = pico(0)
    grafted = graft(smaller, larger)
    assert (grafted.config.resolution, grafted.config.channels, grafted.config.num_ws) == (
        64,
        larger.config.channels,
        10,
    )
    assert set(grafted.tensors) == set(larger.tensors)
    for name, tensor in grafted.tensors.items():
        owner, other = (smaller, larger) if name in smaller.tensors else (larger, None)
        assert torch.equal(tensor, owner.tensors[name])
        assert other is None or not torch.equal(tensor, other.tensors[name])


def test_the_grafted_model_draws_the_smaller_picture_on_its_way(pico, larger):
    smaller = pico(0)
    grafted = graft(smaller, larger)
    ws = latents(larger)
    expected = load_generator(smaller).synthesis(ws[:, :6])
    torch.testing.assert_close(picture_after(grafted, 16, ws), expected, atol=TOLERANCE, rtol=TOLERANCE)
    assert load_generator(grafted).synthesis(ws).shape == (2, 3, 64, 64)


def test_grafting_what_was_cut_off_gives_the_model_back(larger):
    again = graft(shrink(larger, 16), larger)
    assert again.config == larger.config
    assert again.tensors.keys() == larger.tensors.keys()
    assert all(torch.equal(again.tensors[name], larger.tensors[name]) for name in larger.tensors)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_other_architectures_can_be_grafted(pico, architecture):
    config = replace(pico().config, architecture=architecture)
    large = pico(1, replace(config, resolution=32, channels=(8, 6, 4, 4)))
    grafted = graft(pico(0, config), large)
    assert set(grafted.tensors) == set(checkpoints.expected_shapes(large.config))
    assert torch.equal(grafted.tensors["synthesis.b32.torgb.weight"], large.tensors["synthesis.b32.torgb.weight"])
    assert load_generator(grafted).synthesis(latents(large)).shape == (2, 3, 32, 32)


def test_models_of_two_architectures_are_not_grafted(pico, larger):
    other = pico(0, replace(pico().config, channels=(8, 6, 5)))
    with pytest.raises(
        ShapeMismatch,
        match=r"16 px and 64 px do not fit: synthesis.b16.conv0.weight: the smaller has shape \(5, 6, 3, 3\)",
    ):
        graft(other, larger)
    with pytest.raises(RecipeError, match="found a model of 64 px for one of 16 px; exchange the two"):
        graft(larger, pico(0))


def test_a_grafted_model_saves_with_both_licences(pico, larger, tmp_path):
    first = replace(pico(0), metadata={"format": "test", "licence": "CC BY 4.0"})
    second = replace(larger, metadata={"format": "test", "licence": "CC BY-SA 4.0"})
    graft(first, second).save(tmp_path / "grafted.safetensors")
    read = checkpoints.load(tmp_path / "grafted.safetensors")
    assert read.metadata["licence"] == "CC BY-SA 4.0"
    assert read.metadata["grafted"]["above_px"] == 16


def test_buffers_that_files_leave_out_may_be_missing(pico, larger):
    fewer = {name: tensor for name, tensor in pico(0).tensors.items() if not name.endswith(("w_avg", "noise_const"))}
    grafted = graft(replace(pico(0), tensors=fewer), larger)
    assert "mapping.w_avg" not in grafted.tensors
    assert "synthesis.b16.conv1.noise_const" not in grafted.tensors
    assert "synthesis.b32.conv1.noise_const" in grafted.tensors
    assert "mapping.w_avg" not in shrink(replace(pico(0), tensors=fewer), 8).tensors
