"""Pico restoration networks with every tensor random, small enough for exact laws, tame enough to stay in range."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blendgan.restoration.networks import Compact, DnCNN


def randomised(network, seed, gain=0.15):
    """Its state dict with every tensor random: weights about 0, running variances about 1."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, blank in network.state_dict().items():
        noise = torch.randn(blank.shape, generator=random)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(10 + seed)
        else:
            state[name] = 1 + 0.3 * noise.clamp(-2, 2) if name.endswith("running_var") else gain * noise
    return state


@pytest.fixture(scope="session")
def dncnn():
    """`dncnn(seed, channels=1, width=4, depth=4)`: tensors under conv.{i}."""

    def build(seed, channels=1, width=4, depth=4):
        return randomised(DnCNN(channels, width, depth), seed)

    return build


@pytest.fixture(scope="session")
def compact():
    """`compact(seed, channels=3, width=4, convolutions=2, scale=2)`: tensors under body.{i}."""

    def build(seed, channels=3, width=4, convolutions=2, scale=2):
        return randomised(Compact(channels, width, convolutions, scale), seed)

    return build


@pytest.fixture(scope="session")
def kair():
    """`kair(seed, normalised)`: a colour DnCNN of 5 convolutions under model.{i}, with batch norms or merged."""

    def build(seed, *, normalised):
        network = DnCNN(3, 4, 5, normalised=(1, 2, 3) if normalised else (), eps=1e-4)
        step = 3 if normalised else 2
        places = [0, *(2 + step * i for i in range(4))]
        state = randomised(network, seed)
        renamed = {}
        for name, tensor in state.items():
            kind, index, leaf = name.split(".")
            renamed[f"model.{places[int(index)] + (kind == 'norm')}.{leaf}"] = tensor
        return renamed

    return build


@pytest.fixture
def picture():
    """`picture(height, width, seed=0)`: uint8 RGB noise that is smooth enough to look like something."""

    def build(height, width, seed=0):
        coarse = np.random.default_rng(seed).random((1, 3, height // 4 + 2, width // 4 + 2), dtype=np.float32)
        smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse), (height, width), mode="bilinear")
        return smooth[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()

    return build
