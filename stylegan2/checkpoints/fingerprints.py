"""Fingerprints: SHA-256 over sorted (name, dtype, shape, bytes). The same numbers, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.lazy import chunks, describe, number_format

if TYPE_CHECKING:
    from torch import Tensor

MAPPING_PREFIX = "mapping."


def fingerprint(model: Checkpoint | Mapping[str, Tensor]) -> str:
    """Return the fingerprint of all tensors of a model, as 64 hexadecimal digits."""
    tensors = _tensors(model)
    return _digest(tensors, tensors)


def fingerprint_mapping(model: Checkpoint | Mapping[str, Tensor]) -> str:
    """Return the fingerprint of `mapping.*` alone: the space of w that a latent belongs to."""
    tensors = _tensors(model)
    return _digest(tensors, (name for name in tensors if name.startswith(MAPPING_PREFIX)))


def _tensors(model: Checkpoint | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return model.tensors if isinstance(model, Checkpoint) else model


def _digest(tensors: Mapping[str, Tensor], names: Iterable[str]) -> str:
    digest, description = hashlib.sha256(), describe(tensors)
    for name in sorted(names):
        dtype, shape = description[name]
        digest.update(f"{name}\0{number_format(dtype)}\0{','.join(map(str, shape))}\0".encode())
        for chunk in chunks(tensors, name):
            digest.update(chunk)
    return digest.hexdigest()
