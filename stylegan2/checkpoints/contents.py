"""What a dialect hands over: networks as foreign tensors, rules and traits; and how a Checkpoint is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from stylegan2.checkpoints.architectures import discriminator_from_shapes, generator_from_shapes
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.foreign_tensors import ForeignTensor
from stylegan2.checkpoints.rename import Rule, rename
from stylegan2.checkpoints.shapes import check_shapes
from stylegan2.config import DiscriminatorConfig
from stylegan2.errors import CheckpointError

# Tensors may share stored numbers (a file of one state under two names does); more sharing than this is a trap.
MAX_EXPANSION = 4


@dataclass(frozen=True)
class Part:
    """One network of a file. `traits` are fields of its record that no shape tells."""

    tensors: Mapping[str, ForeignTensor]
    rules: tuple[Rule, ...]
    traits: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> dict[str, Tensor]:
        """Return the tensors under our names."""
        return rename(self.tensors, self.rules)


@dataclass(frozen=True)
class Contents:
    """The networks of a file: the moving average, the generator that training moves, the discriminator."""

    ema: Part | None = None
    raw: Part | None = None
    discriminator: Part | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def assemble(contents: Contents, file_bytes: int) -> Checkpoint:
    """Return the checkpoint, every tensor checked. Raises ShapeMismatch, or CheckpointError without a generator."""
    generator = contents.ema or contents.raw
    if generator is None:
        raise CheckpointError("found no generator (G_ema, G, Gs, g_ema or g), expected one; get the file it came from")
    _check_claims(contents, file_bytes)
    tensors = generator.read()
    config = generator_from_shapes(_shapes(tensors), generator.traits)
    if contents.ema and contents.raw:
        tensors |= {RAW_PREFIX + name: tensor for name, tensor in contents.raw.read().items()}
    discriminator, more = _discriminator(contents.discriminator, config.const_size)
    tensors |= more
    check_shapes(_shapes(tensors), config, discriminator)
    return Checkpoint(config, tensors, {**contents.metadata, "ema": contents.ema is not None}, discriminator)


def _discriminator(
    part: Part | None, const_size: tuple[int, int]
) -> tuple[DiscriminatorConfig | None, dict[str, Tensor]]:
    if part is None:
        return None, {}
    tensors = part.read()
    config = discriminator_from_shapes(_shapes(tensors), part.traits, const_size)
    return config, {DISCRIMINATOR_PREFIX + name: tensor for name, tensor in tensors.items()}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _check_claims(contents: Contents, file_bytes: int) -> None:
    """Refuse tensors that overlap so much that a small file would fill the memory."""
    parts = (contents.ema, contents.raw, contents.discriminator)
    claimed = math.fsum(tensor.nbytes for part in parts if part for tensor in part.tensors.values())
    if claimed > MAX_EXPANSION * file_bytes:
        raise CheckpointError(
            f"tensors of {claimed:.0f} bytes in a file of {file_bytes}; expected about as many. The file is damaged "
            "or hostile, get it again from its author"
        )
