"""What tests of the photo side share: the detector, real photos, and pictures whose every point is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import projector
from stylegan2.generator import Generator
from stylegan2.loading import load_generator


@pytest.fixture(scope="session")
def detector():
    """The shipped networks, loaded once."""
    return projector.load_detector()


@pytest.fixture(scope="session")
def photo(shared: Path) -> Callable[[str], Image.Image]:
    """`photo("photo_01")`: one of the real photographs."""
    folder = shared / "data" / "photos"
    if not folder.is_dir():
        pytest.skip(f"test data: {folder} is not there")

    def read(name: str) -> Image.Image:
        with Image.open(folder / f"{name}.jpg") as image:
            return image.convert("RGB")

    return read


@pytest.fixture(scope="session")
def faces(shared: Path) -> Path:
    """The folder of aligned real faces, 128 px."""
    folder = shared / "data" / "faces"
    if not folder.is_dir():
        pytest.skip(f"test data: {folder} is not there")
    return folder


@pytest.fixture(scope="session")
def dots() -> Callable[..., np.ndarray]:
    """`dots(points, width, height, sigma)`: uint8 RGB, black, with a soft white dot about each position."""

    def draw(points: np.ndarray, width: int, height: int, sigma: float = 6.0) -> np.ndarray:
        x, y = np.arange(width)[None, :] + 0.5, np.arange(height)[:, None] + 0.5
        grey = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in points)
        return np.repeat(np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)

    return draw


@pytest.fixture(scope="session")
def smooth() -> Callable[..., np.ndarray]:
    """`smooth(width, height)`: uint8 RGB waves of 60 px and more, which bear resampling."""

    def draw(width: int, height: int) -> np.ndarray:
        x, y = np.arange(width)[None, :], np.arange(height)[:, None]
        waves = [np.sin(x / 10 + 0.3 * channel) + np.cos(y / 13 - channel) for channel in range(3)]
        return np.round(127.5 + 55 * np.stack(waves, -1)).astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def generator(pico) -> Generator:  # type: ignore[no-untyped-def]
    """A pico generator whose w vary as a trained one's do."""
    checkpoint = pico(3)
    slow = checkpoint.config.lr_multiplier
    tensors = {n: t / slow if n.startswith("mapping.fc") else t for n, t in checkpoint.tensors.items()}
    tensors = {n: 0.1 * t if n.endswith("noise_strength") else t for n, t in tensors.items()}
    return load_generator(replace(checkpoint, tensors=tensors))
