"""Pico networks with random tensors, as restorers; the forms of all methods; a folder of smooth clean pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from blendgan.restoration.networks import Compact, DnCNN, Residual
from blendgan.restoration.recognition import recognise
from blendgan.tuning.forms import Form

FORMS = (
    *(Form("ftn"), Form("ftn", groups=4), Form("ftn", groups=16), Form("ftn", variant="deeper")),
    *(
        Form("ftn", variant="spatial"),
        Form("adafm"),
        Form("adafm", kernel=1),
        Form("cfsnet"),
        Form("dynamic", layers=2),
    ),
    Form("dni"),
)


def randomised(network, seed):
    """Its state dict, weights about 0, so tame that results stay in range."""
    random = torch.Generator().manual_seed(seed)
    return {name: 0.15 * torch.randn(t.shape, generator=random) for name, t in network.state_dict().items()}


@pytest.fixture(scope="session")
def states():
    """`states(kind, seed=0)`: tensors of a pico network: dncnn, compact (x2), residual, or grey (residual)."""
    kinds = {
        "dncnn": DnCNN(3, 8, 4),
        "compact": Compact(3, 4, 2, 2),
        "residual": Residual(3, 8, 2),
        "grey": Residual(1, 4, 1),
    }
    return lambda kind, seed=0: randomised(kinds[kind], seed)


@pytest.fixture(scope="session")
def restorers(states):
    """`restorers(kind, seed=0)`: the same, recognised."""
    return lambda kind, seed=0: recognise(states(kind, seed), kind)


@pytest.fixture(scope="session")
def shaken():
    """`shaken(tuning, size=0.1)`: it, after random numbers were added to all that it trains."""

    def shake(tuning, size=0.1):
        random = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in tuning.parameters():
                parameter += size * torch.randn(parameter.shape, generator=random)
        return tuning

    return shake


@pytest.fixture(scope="session")
def pictures():
    """`pictures(count, channels, height, width)`: smooth random pictures, float32 in [0, 1]."""

    def build(count, channels, height, width):
        random = torch.Generator().manual_seed(count)
        coarse = torch.rand(count, channels, height // 4 + 2, width // 4 + 2, generator=random)
        return functional.interpolate(coarse, (height, width), mode="bilinear")

    return build


@pytest.fixture(scope="session")
def clean(tmp_path_factory, pictures):
    """A folder of four clean pictures, 40 x 32 px."""
    folder = tmp_path_factory.mktemp("clean")
    for i, picture in enumerate(pictures(4, 3, 32, 40)):
        pixels = picture.mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(params=FORMS, ids=str)
def form(request):
    """Every method, at sizes that fit the pico networks."""
    return request.param
