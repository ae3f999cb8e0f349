"""Growing: what the first pictures and the first logits of the larger model are, and what cannot grow."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from blendgan.training import begin_transfer
from stylegan2.checkpoints.checkpoint import RAW_PREFIX, Checkpoint
from stylegan2.errors import InputError
from stylegan2.ops import downsample2d, setup_filter, upsample2d
from stylegan2.train import TrainingConfig
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch, seeded
from stylegan2.train.growing import grow
from stylegan2.train.snapshots import checkpoint_to_state, state_to_checkpoint
from stylegan2.train.state import TrainingState, new_state
from stylegan2.train.step import train_batch

CPU = torch.device("cpu")
CONFIG = TrainingConfig(batch=4)
FIR = setup_filter([1, 3, 3, 1])


def trained(architecture: str = "resnet", activation: str = "lrelu") -> Checkpoint:
    """A model of 16 px whose biases and noise strengths are no longer zero, the average another than the generator."""
    g, d = fresh_configs(16, channel_base=128, channel_max=8, latent=8, mapping_layers=2)
    d = replace(d, architecture=architecture, activation=activation)
    state = new_state(g, d, CONFIG, CPU)
    for i, network in enumerate((state.generator, state.average, state.discriminator)):
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=seeded(0, 9, i))
    return state_to_checkpoint(state, {})


def state_of(checkpoint: Checkpoint) -> TrainingState:
    return checkpoint_to_state(checkpoint, CONFIG, CPU)


@pytest.mark.parametrize("times", [2, 4])
def test_first_pictures_are_the_old_ones_enlarged_exactly(times: int) -> None:
    small = trained()
    before, after = state_of(small), state_of(grow(small, 16 * times))
    z = torch.randn([3, 8], generator=seeded(0, 10, 0))
    assert not torch.equal(before.average(z), before.generator(z))
    for name in ("average", "generator"):
        expected = getattr(before, name)(z)
        for _ in range(times // 2):
            expected = upsample2d(expected, FIR)
        assert torch.equal(getattr(after, name)(z), expected)


@pytest.mark.parametrize("activation", ["lrelu", "relu"])
@pytest.mark.parametrize("architecture", ["resnet", "orig", "skip"])
def test_first_logits_are_those_of_the_reduced_picture(architecture: str, activation: str) -> None:
    small = trained(architecture, activation)
    before, after = state_of(small).discriminator, state_of(grow(small, 32)).discriminator
    pictures = torch.rand([4, 3, 32, 32], generator=seeded(0, 10, 1)) * 2 - 1
    expected = before(downsample2d(pictures, FIR))
    assert expected.std() > 0.01  # the law is not vacuous
    torch.testing.assert_close(after(pictures), expected, rtol=1e-5, atol=1e-5)


def test_every_old_layer_is_kept_but_the_entry_of_the_discriminator() -> None:
    small = trained()
    large = grow(small, 32)
    assert large.config.channels == (8, 8, 8, 6)  # half, but room for every colour and its negative
    lost = {name for name in small.tensors if name not in large.tensors}
    assert lost == {"discriminator.b16.fromrgb.weight", "discriminator.b16.fromrgb.bias"}
    assert all(torch.equal(small.tensors[name], large.tensors[name]) for name in small.tensors.keys() - lost)
    assert RAW_PREFIX + "synthesis.b32.conv0.weight" in large.tensors


def test_new_layers_learn() -> None:
    """Zeros may start a layer, but not keep it there: every new tensor has a gradient after a step or two."""
    state = state_of(grow(trained(), 32))
    before = {name: p.detach().clone() for name, p in state.generator.named_parameters() if "b32" in name}
    before_d = {name: p.detach().clone() for name, p in state.discriminator.named_parameters() if "b32" in name}
    for _ in range(3):
        train_batch(state, Batch(torch.rand([4, 3, 32, 32], generator=seeded(0, 10, 2)) * 2 - 1, None), CONFIG)
    after, after_d = dict(state.generator.named_parameters()), dict(state.discriminator.named_parameters())
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert all(not torch.equal(before_d[name], after_d[name]) for name in before_d)


def test_a_transfer_grows_where_a_larger_resolution_is_asked_for() -> None:
    run = begin_transfer(trained(), CONFIG, CPU, resolution=32)
    assert run.state.generator.config.resolution == run.state.discriminator.config.resolution == 32


@pytest.mark.parametrize("resolution", [8, 24, 48])
def test_resolutions_that_are_no_doubling_are_refused(resolution: int) -> None:
    with pytest.raises(InputError, match=f"resolution: found {resolution}, expected a power of two of at least 16"):
        grow(trained(), resolution)


def test_networks_that_cannot_grow_are_refused() -> None:
    small = trained()
    with pytest.raises(InputError, match="found a generator of architecture 'resnet', expected 'skip'"):
        grow(replace(small, config=replace(small.config, architecture="resnet")), 32)
    smooth = replace(small, discriminator=replace(small.discriminator, activation="swish"))  # type: ignore[type-var]
    with pytest.raises(InputError, match="found a discriminator with 'swish', expected one of linear, relu, lrelu"):
        grow(smooth, 32)
