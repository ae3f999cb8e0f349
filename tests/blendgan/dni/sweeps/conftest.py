"""Pico networks that restore, some of known effect, and pictures for what is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from blendgan.dni.network_files import NetworkFile, open_network

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def dncnn() -> Callable[..., State]:
    """`dncnn(seed, channels=1, width=4, depth=4)`: random tensors under conv.{i}."""

    def build(seed: int, channels: int = 1, width: int = 4, depth: int = 4) -> State:
        random = torch.Generator().manual_seed(seed)
        widths = [channels, *[width] * (depth - 1), channels]
        state = {}
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            state[f"conv.{i}.weight"] = 0.3 * torch.randn(b, a, 3, 3, generator=random)
            state[f"conv.{i}.bias"] = 0.1 * torch.randn(b, generator=random)
        return state

    return build


@pytest.fixture(scope="session")
def compact() -> Callable[..., State]:
    """`compact(seed, scale=2)`: random tensors under body.{i}, of one inner convolution of 4 channels."""

    def build(seed: int, scale: int = 2) -> State:
        random = torch.Generator().manual_seed(seed)
        state = {}
        for i, (a, b) in enumerate([(3, 4), (4, 4), (4, 3 * scale**2)]):
            state[f"body.{2 * i}.weight"] = 0.2 * torch.randn(b, a, 3, 3, generator=random)
            state[f"body.{2 * i}.bias"] = 0.05 * torch.randn(b, generator=random)
            if i < 2:
                state[f"body.{2 * i + 1}.weight"] = torch.full((4,), 0.2)
        return state

    return build


@pytest.fixture(scope="session")
def smoother() -> Callable[..., State]:
    """`smoother(strength)`: a grey DnCNN that moves each pixel so far towards the mean of its 3 x 3 neighbourhood.

    Only its last layer depends on the strength, so networks between two smoothers are smoothers, and their outputs
    the mean of the two outputs. With `turned` its channels are in another order: the same network to look at, and
    another to mix with.
    """

    def build(strength: float, *, turned: bool = False) -> State:
        detail = -torch.ones(3, 3) / 9
        detail[1, 1] += 1
        channels = [1, 0] if turned else [0, 1]
        first = torch.stack([detail, -detail])[channels][:, None]  # ReLU leaves the positive part of each
        middle = torch.zeros(2, 2, 3, 3)
        middle[[0, 1], [0, 1], 1, 1] = 1.0
        last = torch.zeros(1, 2, 3, 3)
        last[0, :, 1, 1] = torch.tensor([strength, -strength])[channels]
        weights = [first, middle, last]
        return {f"conv.{i}.weight": weight for i, weight in enumerate(weights)} | {
            f"conv.{i}.bias": torch.zeros(len(weight)) for i, weight in enumerate(weights)
        }

    return build


@pytest.fixture
def networks(tmp_path: Path) -> Callable[..., list[NetworkFile]]:
    """`networks(a=state, b=state)`: files of these names, opened."""

    def write(**states: State) -> list[NetworkFile]:
        for name, state in states.items():
            save_file(state, tmp_path / f"{name}.safetensors")
        return [open_network(tmp_path / f"{name}.safetensors") for name in states]

    return write


@pytest.fixture(scope="session")
def smooth_pictures() -> Callable[[Path, int], Path]:
    """`smooth_pictures(folder, count, size_px=32)`: colour pictures without fine detail, so that smoothing is right."""

    def write(folder: Path, count: int, size_px: int = 32) -> Path:
        folder.mkdir(exist_ok=True)
        y, x = np.mgrid[0:size_px, 0:size_px] / size_px
        for i in range(count):
            waves: Sequence[np.ndarray] = [np.sin(6.3 * ((1 + i % 3) * x + (k + 1) * 0.7 * y) + i) for k in range(3)]
            Image.fromarray((127.5 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)).save(folder / f"p{i}.png")
        return folder

    return write
