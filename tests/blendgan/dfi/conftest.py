"""A pico discriminator whose features every test of DFI uses, and small sets of pictures that differ by one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from blendgan.dfi.features import DiscriminatorLayers
from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator

SIDE_PX = 32


@pytest.fixture(scope="session")
def features() -> DiscriminatorLayers:
    """Random weights; 32 px, so two layers (16 px and 8 px) and sides in multiples of 8."""
    network = Discriminator(DiscriminatorConfig(SIDE_PX, (8, 8, 6, 4))).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=random))
    return DiscriminatorLayers(network, "pico", "0" * 64)


@pytest.fixture(scope="session")
def picture() -> Callable[[int], Tensor]:
    """`picture(seed)`: [1, 3, 32, 32] in [-1, 1], smooth noise."""

    def draw(seed: int, side: int = SIDE_PX) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        small = torch.rand(1, 3, 6, 6, generator=random) * 1.6 - 0.8
        return torch.nn.functional.interpolate(small, (side, side), mode="bicubic", align_corners=False).clamp(-1, 1)

    return draw


@pytest.fixture(scope="session")
def save() -> Callable[[Path, Tensor], Path]:
    """`save(file, picture)`: as PNG; returns the file."""

    def write(file: Path, picture: Tensor) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = ((picture[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(file)
        return file

    return write


@pytest.fixture
def sets(tmp_path, picture, save) -> tuple[Path, Path]:
    """Folders `plain` and `barred`, five pictures each; those of the second have a dark bar in their upper half."""
    for i in range(5):
        save(tmp_path / "plain" / f"p{i}.png", picture(i))
        barred = picture(10 + i)
        barred[:, :, 8:14, 4:28] = -0.9
        save(tmp_path / "barred" / f"b{i}.png", barred)
    return tmp_path / "plain", tmp_path / "barred"
