"""What the tests of checkpoints share: variants of both networks, native tensors for them, and files by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylegan2.checkpoints import Checkpoint, expected_shapes
from stylegan2.config import DiscriminatorConfig, GeneratorConfig

GENERATOR = GeneratorConfig(
    resolution=16, channels=(7, 5, 3), z_dim=6, w_dim=8, mapping_layers=2, mapping_width=9, w_avg_decay=0.995
)
DISCRIMINATOR = DiscriminatorConfig(resolution=16, channels=(7, 5, 3))
VARIANTS = {  # changes of the generator, changes of the discriminator
    "skip": ({}, {}),
    "resnet": ({"architecture": "resnet"}, {"architecture": "skip"}),
    "orig": ({"architecture": "orig"}, {"architecture": "orig"}),
    "labels": (
        {"num_classes": 3, "embed_dim": 4},
        {"num_classes": 3, "embed_dim": 4, "mapping_layers": 3, "mapping_width": 5, "cmap_dim": 6},
    ),
    "deep": ({"mapping_layers": 12}, {}),
    "shallow": ({"mapping_layers": 1, "mapping_width": 8}, {}),
    "not-square": ({"const_size": (3, 5)}, {"const_size": (3, 5)}),
    "grey": ({"image_channels": 1}, {"image_channels": 1}),
    "clamped": ({"conv_clamp": 256.0, "lr_multiplier": 0.1}, {"conv_clamp": 256.0, "minibatch_group": 2}),
    "clamped-skip": ({"conv_clamp": 256.0}, {"conv_clamp": 256.0, "architecture": "skip"}),
    "without-statistics": ({}, {"minibatch_channels": 0}),
}
ROSINALITY = ("skip", "deep", "shallow", "not-square")  # what that dialect can express


@dataclass(frozen=True)
class Variant:
    """Two records, and tensors for them under native names, the raw generator's too."""

    config: GeneratorConfig
    discriminator: DiscriminatorConfig
    tensors: dict[str, Tensor]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of one network, without the prefix; "" is the moving average."""
        if prefix:
            return {n.removeprefix(prefix): t for n, t in self.tensors.items() if n.startswith(prefix)}
        return {n: t for n, t in self.tensors.items() if n.startswith(("mapping.", "synthesis."))}


def random_tensors(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Multiples of 1/256 below 2: adding and taking away one is exact."""
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randint(-511, 512, shape, generator=random) / 256 for name, shape in sorted(shapes.items())}


def build_variant(name: str) -> Variant:
    changes, others = VARIANTS[name]
    config, discriminator = replace(GENERATOR, **changes), replace(DISCRIMINATOR, **others)
    raw = {f"raw.{key}": shape for key, shape in expected_shapes(config).items()}
    return Variant(config, discriminator, random_tensors({**expected_shapes(config, discriminator), **raw}, seed=3))


@pytest.fixture(params=VARIANTS)
def variant(request) -> Variant:
    return build_variant(request.param)


@pytest.fixture(params=ROSINALITY)
def plain_variant(request) -> Variant:
    return build_variant(request.param)


@pytest.fixture
def plain() -> Variant:
    return build_variant("skip")


@pytest.fixture
def model() -> Checkpoint:
    """A whole pico checkpoint."""
    built = build_variant("skip")
    return Checkpoint(built.config, built.tensors, {"format": "test"}, built.discriminator)


@pytest.fixture
def same() -> Callable[[Checkpoint, Variant], None]:
    """Asserts that a loaded file has a variant's records and its very tensors."""

    def check(found: Checkpoint, expected: Variant) -> None:
        assert found.config == expected.config
        assert found.discriminator == expected.discriminator
        assert set(found.tensors) == set(expected.tensors)
        assert all(torch.equal(found.tensors[name], tensor) for name, tensor in expected.tensors.items())
        assert len({float(tensor.sum()) for tensor in expected.tensors.values()}) > len(expected.tensors) // 2

    return check


class Canary:
    """What a hostile object's __reduce__ runs if anything calls it: it makes the file `path`."""

    def __init__(self, path: Path, function: Callable[..., object], *arguments: object) -> None:
        self.path, self.function, self.arguments = path, function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.arguments


@pytest.fixture
def hostile(tmp_path) -> Canary:
    """An object that creates a file as soon as a real unpickler meets it."""
    path = tmp_path / "canary"
    return Canary(path, os.system, f'{"type nul >" if os.name == "nt" else "touch"} "{path}"')
