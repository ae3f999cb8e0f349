"""Fingerprints: SHA-256 over sorted (name, dtype, shape, bytes). The same numbers, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from stylegan2.checkpoints.checkpoint import Checkpoint

MAPPING_PREFIX = "mapping."


def fingerprint(model: Checkpoint | Mapping[str, Tensor]) -> str:
    """Return the fingerprint of all tensors of a model, as 64 hexadecimal digits."""
    tensors = _tensors(model)
    return _digest(tensors, tensors)


def fingerprint_mapping(model: Checkpoint | Mapping[str, Tensor]) -> str:
    """Return the fingerprint of `mapping.*` alone: the space of w that a latent belongs to."""
    tensors = _tensors(model)
    return _digest(tensors, (name for name in tensors if name.startswith(MAPPING_PREFIX)))


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Return the numbers as the file holds them: little-endian, row by row."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(cast(Any, flat.view(torch.uint8).numpy())) if flat.numel() else memoryview(b"")


def _tensors(model: Checkpoint | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return model.tensors if isinstance(model, Checkpoint) else model


def _digest(tensors: Mapping[str, Tensor], names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        tensor = tensors[name]
        dtype = str(tensor.dtype).removeprefix("torch.")
        digest.update(f"{name}\0{dtype}\0{','.join(map(str, tensor.shape))}\0".encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()
