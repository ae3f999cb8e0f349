"""Our own files: safetensors, with one JSON header under one metadata key that says what the networks are."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from torch import Tensor

from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.fingerprints import tensor_bytes
from stylegan2.checkpoints.headers import KEY, read_header, write_header
from stylegan2.checkpoints.lazy import Description, LazyTensors, describe, pieces
from stylegan2.checkpoints.shapes import Shape, check_shapes
from stylegan2.errors import CheckpointError, InputError, Truncated

ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # the types that networks have, by safetensors' names
CUT_SHORT = ("incomplete", "too small", "invalid header length")  # words of safetensors' own errors


class StoredTensors(LazyTensors):
    """The tensors of a safetensors file, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        file: Any = safe_open(path, framework="pt")  # Any: its methods carry no annotations
        self._file = file
        slices = {name: file.get_slice(name) for name in sorted(file.keys())}
        self.description: Description = {
            name: (str(part.get_dtype()), tuple(part.get_shape())) for name, part in slices.items()
        }

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.description:
            raise KeyError(name)
        tensor: Tensor = self._file.get_tensor(name)
        return tensor

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor as one piece: it lies in the file, not in memory."""
        yield self[name]

    def header(self) -> str | None:
        """Return our JSON header, or None where the file is somebody else's."""
        header: str | None = (self._file.metadata() or {}).get(KEY)
        return header


def save(checkpoint: Checkpoint, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Write a checkpoint; the same checkpoint gives the same bytes. Nothing half-written ever has the final name.

    Raises InputError where the file exists and `replace` is off, or where it cannot be written; ShapeMismatch where
    the tensors are not those of the checkpoint's own records.
    """
    target = Path(path)
    if target.exists() and not replace:
        raise InputError(f"{target}: the file exists; choose another name, or ask to replace it")
    description = describe(checkpoint.tensors)
    _check_types(description)
    check_shapes(_shapes(description), checkpoint.config, checkpoint.discriminator)
    with writing(target) as file:
        _write(file, checkpoint, description)


def read(path: Path) -> Checkpoint:
    """Return the checkpoint, its tensors unread but their shapes checked.

    Raises Truncated; UnknownFormat where the file is safetensors but not ours; ShapeMismatch.
    """
    tensors = _opened(path)
    config, discriminator, metadata = read_header(tensors.header())
    _check_types(tensors.description)
    check_shapes(_shapes(tensors.description), config, discriminator)
    return Checkpoint(config, tensors, metadata, discriminator)


def _opened(path: Path) -> StoredTensors:
    try:
        return StoredTensors(path)
    except SafetensorError as error:
        if any(word in str(error).lower() for word in CUT_SHORT):
            raise Truncated("the file ends before its tensors do; download or copy it again") from error
        raise CheckpointError(f"a damaged safetensors file ({error}); get it again") from error


def _check_types(description: Description) -> None:
    other = sorted(f"{name} {dtype}" for name, (dtype, _) in description.items() if dtype not in ITEM_BYTES)
    if other:
        raise CheckpointError(f"found tensors of other types: {', '.join(other)}; expected {', '.join(ITEM_BYTES)}")


def _shapes(description: Description) -> dict[str, Shape]:
    return {name: shape for name, (_, shape) in description.items()}


def _write(file: BinaryIO, checkpoint: Checkpoint, description: Description) -> None:
    """Length, JSON index, numbers: a piece at a time, so that no model need fit in memory twice."""
    # The widest type first, as the format's own library sorts: every tensor then starts at a multiple of its size.
    names = sorted(description, key=lambda name: (-ITEM_BYTES[description[name][0]], name))
    index: dict[str, Any] = {"__metadata__": {KEY: write_header(checkpoint)}}
    start = 0
    for name in names:
        dtype, shape = description[name]
        stop = start + math.prod(shape) * ITEM_BYTES[dtype]
        index[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(index, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        for piece in pieces(checkpoint.tensors, name):
            file.write(tensor_bytes(piece))
