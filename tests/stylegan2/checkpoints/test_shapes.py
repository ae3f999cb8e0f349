"""The table of shapes is the network's own, and the records come back from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stylegan2.checkpoints import expected_shapes
from stylegan2.checkpoints.architectures import discriminator_from_shapes, generator_from_shapes
from stylegan2.checkpoints.rename import fir_from_kernel
from stylegan2.checkpoints.shapes import discriminator_shapes, generator_shapes
from stylegan2.config import GeneratorConfig, channels_by_rule
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError
from stylegan2.generator import Generator


def shapes_of(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def test_shapes_are_those_of_the_networks(variant):
    assert generator_shapes(variant.config) == shapes_of(Generator(variant.config))
    assert discriminator_shapes(variant.discriminator) == shapes_of(Discriminator(variant.discriminator))


def test_records_come_back_from_shapes(variant):
    blank = {"conv_clamp": None, "lr_multiplier": 0.01, "w_avg_decay": 0.998}
    config = generator_from_shapes(generator_shapes(variant.config), {})
    assert config == replace(variant.config, **blank)
    found = discriminator_from_shapes(discriminator_shapes(variant.discriminator), {}, config.const_size)
    assert found == replace(variant.discriminator, conv_clamp=None, minibatch_group=4)


@pytest.mark.parametrize("resolution", [4, 8, 1024])
def test_records_of_every_size(resolution):
    config = GeneratorConfig(resolution, channels_by_rule(resolution, 32768, 512))
    assert generator_from_shapes(generator_shapes(config), {}) == config


def test_the_large_model_has_the_published_number_of_parameters():
    config = GeneratorConfig(1024, channels_by_rule(1024, 32768, 512))
    buffers = ("noise_const", "w_avg")
    count = sum(torch.Size(s).numel() for n, s in expected_shapes(config).items() if not n.endswith(buffers))
    assert count == 30_370_060  # config-f, FFHQ


@pytest.mark.parametrize("gain", [1, 4])
def test_filters_lose_their_gain(gain):
    taps = torch.tensor([1.0, 3, 3, 1]) / 8
    assert fir_from_kernel(torch.outer(taps, taps) * gain) == (1.0, 3.0, 3.0, 1.0)
    assert fir_from_kernel(taps * gain) == (1.0, 3.0, 3.0, 1.0)
    assert fir_from_kernel(torch.ones(2, 2) * gain) == (0.5, 0.5)


@pytest.mark.parametrize("kernel", [torch.zeros(4, 4), torch.eye(4), torch.full((4,), torch.nan), torch.ones(2, 2, 2)])
def test_other_filters_are_refused(kernel):
    with pytest.raises(CheckpointError, match="resampling filter"):
        fir_from_kernel(kernel)
