"""What a loaded network is made of: the file's own tensors, and nothing that was drawn to be thrown away."""

from __future__ import annotations

import pytest
import torch

from stylegan2.checkpoints import Checkpoint, load
from stylegan2.config import ARCHITECTURES, DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.loading import load_discriminator, load_generator
from stylegan2.train import TrainingConfig
from stylegan2.train.data import Batch
from stylegan2.train.snapshots import checkpoint_to_state
from stylegan2.train.step import train_batch

LABELS = {"num_classes": 2, "embed_dim": 4, "mapping_layers": 2, "mapping_width": 8}


@pytest.fixture(params=ARCHITECTURES)
def networks(request) -> tuple[Generator, Discriminator]:
    """Networks as their constructors make them."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator(
            GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, architecture=request.param, fir=(1, 2, 1), **LABELS)
        )
        discriminator = Discriminator(
            DiscriminatorConfig(16, (8, 6, 4), cmap_dim=6, architecture=request.param, fir=(1, 2, 1), **LABELS)
        )
    return generator, discriminator


@pytest.fixture
def checkpoint(networks) -> Checkpoint:
    generator, discriminator = networks
    tensors = dict(generator.state_dict())
    tensors |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    return Checkpoint(generator.config, tensors, {}, discriminator.config)


def test_it_is_the_network_that_was_saved_buffers_of_no_file_too(tmp_path, networks, checkpoint):
    checkpoint.save(tmp_path / "m")
    loaded = load_generator(tmp_path / "m"), load_discriminator(tmp_path / "m")
    for found, expected in zip(loaded, networks, strict=True):
        there = dict(found.named_parameters()) | dict(found.named_buffers())
        wanted = dict(expected.named_parameters()) | dict(expected.named_buffers())
        assert there.keys() == wanted.keys() and any(name.endswith("fir") for name in wanted)
        assert all(torch.equal(there[name], tensor) for name, tensor in wanted.items())
        assert not any(tensor.requires_grad for tensor in there.values())


def test_no_number_is_copied(tmp_path, checkpoint):
    checkpoint.save(tmp_path / "m")
    opened = load(tmp_path / "m")
    generator, discriminator = load_generator(opened), load_discriminator(opened)
    for name, tensor in (*generator.state_dict().items(), *discriminator.state_dict(prefix="discriminator.").items()):
        assert tensor.data_ptr() == opened.tensors[name].data_ptr(), name


def test_training_moves_copies(tmp_path, pico):
    config = DiscriminatorConfig(16, (8, 6, 4))
    tensors = {f"discriminator.{name}": tensor for name, tensor in Discriminator(config).state_dict().items()}
    model = pico()
    Checkpoint(model.config, {**model.tensors, **tensors}, {}, config).save(tmp_path / "m")
    opened, data = load(tmp_path / "m"), (tmp_path / "m").read_bytes()
    before = {name: tensor.clone() for name, tensor in opened.tensors.items()}
    training = TrainingConfig(batch=2)
    state = checkpoint_to_state(opened, training, torch.device("cpu"))
    train_batch(state, Batch(torch.zeros(2, 3, 16, 16), None), training)
    moved = state.generator.state_dict()
    assert not torch.equal(moved["synthesis.b4.const"], before["synthesis.b4.const"])
    assert all(torch.equal(opened.tensors[name], tensor) for name, tensor in before.items())
    assert (tmp_path / "m").read_bytes() == data


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_another_precision_leaves_the_checkpoint_as_it_is(pico, precision):
    model = pico()
    generator = load_generator(model, precision=precision)
    assert generator.synthesis.b16.compute != generator.synthesis.b4.compute
    assert all(tensor.dtype == torch.float32 for tensor in model.tensors.values())
