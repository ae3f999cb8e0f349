"""Write state dicts as a torch file, streaming: the zip layout that `torch.save` writes and every loader reads.

    NAME/data.pkl                the dictionaries, each tensor naming its storage
    NAME/data/KEY                a storage: the numbers, little-endian, at a multiple of 64 bytes in the file
    NAME/byteorder, NAME/version what torch.load asks for
    NAME/extra/blendgan_dni.json how the file was made; loaders pass it by

Storages are never shared, so tied weights come apart into equal ones.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import torch
from torch import Tensor
from torch._utils import _rebuild_tensor_v2  # the name that torch's own files call tensors by

from stylegan2.checkpoints.foreign_tensors import STORAGE_TYPES
from stylegan2.checkpoints.index import ALL_ITEM_BYTES
from stylegan2.checkpoints.lazy import chunks, describe, number_format

FOLDER = "archive"  # torch's own name where it writes into an open file
ALIGNMENT = 64  # bytes: storages can be mapped into memory
PROTOCOL = 2  # torch's
LOCAL_HEADER_BYTES, ZIP64_BYTES = 30, 20  # of a zip member, before its name; and of the field that large ones need
PADDING_FIELD, FIELD_HEADER_BYTES = b"FB", 4  # the extra field by which torch moves numbers to their places
EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first moment: the same tensors give the same bytes
VERSION = b"3\n"  # of torch's layout

Path = tuple[str, ...]  # of keys, from the top to a state dict


class _Storage:
    """Stands for the numbers of one tensor; the pickle names it by its key."""

    def __init__(self, key: str, dtype: str, count: int) -> None:
        self.identity = ("storage", _storage_class(dtype), key, "cpu", count)


class _View:
    """Stands for a tensor: its pickle is torch's."""

    def __init__(self, storage: _Storage, shape: tuple[int, ...]) -> None:
        self._storage, self._shape = storage, shape

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(math.prod(self._shape[axis + 1 :]) for axis in range(len(self._shape)))
        return _rebuild_tensor_v2, (self._storage, 0, self._shape, strides, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj.identity if isinstance(obj, _Storage) else None


def write_torch(file: BinaryIO, parts: Mapping[Path, Mapping[str, Tensor]], note: str) -> None:
    """Write state dicts, each in the dictionaries that its path says, in order; `note` is kept beside them."""
    storages = list(_storages(parts))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _write(archive, "data.pkl", _pickled(parts, storages))
        _write(archive, "byteorder", b"little")
        for key, (path, name, count) in enumerate(storages):
            with archive.open(_member(file, f"data/{key}", count), "w") as member:
                for chunk in chunks(parts[path], name):
                    member.write(chunk)
        _write(archive, "version", VERSION)
        _write(archive, "extra/blendgan_dni.json", note.encode())


def _storages(parts: Mapping[Path, Mapping[str, Tensor]]) -> Iterator[tuple[Path, str, int]]:
    """Path, name and bytes of every tensor, in the order of their keys."""
    for path, tensors in parts.items():
        for name, (dtype, shape) in describe(tensors).items():
            yield path, name, math.prod(shape) * ALL_ITEM_BYTES[dtype]


def _pickled(parts: Mapping[Path, Mapping[str, Tensor]], storages: list[tuple[Path, str, int]]) -> bytes:
    root: dict[str, Any] = OrderedDict() if () in parts else {}
    described = {path: describe(tensors) for path, tensors in parts.items()}
    for key, (path, name, _) in enumerate(storages):
        dtype, shape = described[path][name]
        target = root
        for depth, word in enumerate(path, 1):
            target = target.setdefault(word, OrderedDict() if path[:depth] in parts else {})
        target[name] = _View(_Storage(str(key), dtype, math.prod(shape)), shape)
    stream = io.BytesIO()
    _Pickler(stream, PROTOCOL).dump(root)
    return stream.getvalue()


def _storage_class(dtype: str) -> type:
    wanted = getattr(torch, number_format(dtype))
    found: type = getattr(torch, next(name for name, known in STORAGE_TYPES.items() if known == wanted))
    return found


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH), data)


def _member(file: BinaryIO, name: str, count: int) -> zipfile.ZipInfo:
    """A member that begins here, padded so that its bytes start at a multiple of ALIGNMENT."""
    member = zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH)
    member.file_size = count  # known before, so that zipfile knows whether the member is a large one
    is_large = count * 1.05 > zipfile.ZIP64_LIMIT  # zipfile's own rule
    start = file.tell() + LOCAL_HEADER_BYTES + len(member.filename) + (ZIP64_BYTES if is_large else 0)
    padding = -(start + FIELD_HEADER_BYTES) % ALIGNMENT
    member.extra = PADDING_FIELD + padding.to_bytes(2, "little") + b"Z" * padding
    return member
