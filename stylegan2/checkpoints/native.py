"""Our own files: safetensors, with one JSON header under one metadata key that says what the networks are."""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.headers import KEY, read_header, write_header
from stylegan2.checkpoints.index import ALL_ITEM_BYTES, ITEM_BYTES, LENGTH_BYTES, METADATA, read_index
from stylegan2.checkpoints.lazy import Description, LazyTensors, chunks, describe, number_format
from stylegan2.checkpoints.shapes import Shape, check_shapes
from stylegan2.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from torch import Tensor


class StoredTensors(LazyTensors):
    """The tensors of a safetensors file, each a view of its bytes, which nobody else may write to.

    Nothing is copied. Raises Truncated, or CheckpointError.
    """

    def __init__(self, data: mmap.mmap | bytearray) -> None:
        self._data = data
        self._entries, self.metadata = read_index(data)
        self.description: Description = {name: (entry.dtype, entry.shape) for name, entry in self._entries.items()}

    @classmethod
    def of_file(cls, path: Path) -> StoredTensors:
        """Map a file. The map is private: whoever writes into a tensor changes memory of this process, not the file."""
        with path.open("rb") as file:
            return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))

    def __getitem__(self, name: str) -> Tensor:
        import torch  # only now: a file is described, and its fingerprint taken, without it

        entry = self._entries[name]
        dtype = getattr(torch, number_format(entry.dtype))
        if entry.start == entry.stop:
            return torch.empty(entry.shape, dtype=dtype)
        if entry.start % dtype.itemsize:  # never in our own files; processors want numbers in their places
            return torch.frombuffer(bytearray(self._data[entry.start : entry.stop]), dtype=dtype).reshape(entry.shape)
        count = math.prod(entry.shape)
        return torch.frombuffer(self._data, dtype=dtype, count=count, offset=entry.start).reshape(entry.shape)

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor as one piece: it lies in the file, not in memory."""
        yield self[name]

    def chunks(self, name: str) -> Iterator[memoryview]:
        """Yield the tensor's bytes as they lie in the file."""
        entry = self._entries[name]
        yield memoryview(self._data)[entry.start : entry.stop]


def save(checkpoint: Checkpoint, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Write a checkpoint; the same checkpoint gives the same bytes. Nothing half-written ever has the final name.

    Raises InputError where the file exists and `replace` is off, or where it cannot be written; ShapeMismatch where
    the tensors are not those of the checkpoint's own records.
    """
    target = Path(path)
    if target.exists() and not replace:
        raise InputError(f"{target}: the file exists; choose another name, or ask to replace it")
    with writing(target) as file:
        write(file, checkpoint)


def write(file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into an open file. Raises ShapeMismatch as `save` does."""
    description = describe(checkpoint.tensors)
    _check_types(description)
    check_shapes(_shapes(description), checkpoint.config, checkpoint.discriminator)
    write_tensors(file, checkpoint.tensors, {KEY: write_header(checkpoint)})


def read(path: Path) -> Checkpoint:
    """Return the checkpoint, its tensors unread but their shapes checked.

    Raises Truncated; UnknownFormat where the file is safetensors but not ours; ShapeMismatch.
    """
    return _checked(StoredTensors.of_file(path))


def read_bytes(data: bytes) -> Checkpoint:
    """Return the checkpoint of a file's contents; its tensors are views of a copy of them. Raises as `read` does."""
    return _checked(StoredTensors(bytearray(data)))


def _checked(tensors: StoredTensors) -> Checkpoint:
    config, discriminator, metadata = read_header(tensors.metadata.get(KEY))
    _check_types(tensors.description)
    check_shapes(_shapes(tensors.description), config, discriminator)
    return Checkpoint(config, tensors, metadata, discriminator)


def _check_types(description: Description) -> None:
    other = sorted(f"{name} {dtype}" for name, (dtype, _) in description.items() if dtype not in ITEM_BYTES)
    if other:
        raise CheckpointError(f"found tensors of other types: {', '.join(other)}; expected {', '.join(ITEM_BYTES)}")


def _shapes(description: Description) -> dict[str, Shape]:
    return {name: shape for name, (_, shape) in description.items()}


def write_tensors(file: BinaryIO, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file of any tensors: length, JSON index, numbers, a piece at a time.

    So no model need fit in memory twice. The same tensors and metadata give the same bytes.
    """
    description = describe(tensors)
    # The widest type first, as the format's own library sorts: every tensor then starts at a multiple of its size.
    names = sorted(description, key=lambda name: (-ALL_ITEM_BYTES[description[name][0]], name))
    index: dict[str, Any] = {METADATA: dict(metadata)}
    start = 0
    for name in names:
        dtype, shape = description[name]
        stop = start + math.prod(shape) * ALL_ITEM_BYTES[dtype]
        index[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(index, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
    for name in names:
        for chunk in chunks(tensors, name):
            file.write(chunk)
