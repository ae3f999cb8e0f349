"""The index in front of a safetensors file: where each tensor lies. Checked like the format's own library does.

A file is eight bytes of length, a JSON object of that length, and the numbers: one tensor after the other, without
holes. Nothing here needs torch, so that a file can be described in the time that it takes to read it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

from stylegan2.errors import CheckpointError, Truncated

LENGTH_BYTES = 8
MAX_INDEX_BYTES = 100_000_000  # the format's own limit
METADATA = "__metadata__"
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # the types that StyleGAN2 networks have
ALL_ITEM_BYTES = {**ITEM_BYTES, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # and counters of others


class Bytes(Protocol):
    """A file's bytes: read, or mapped."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes | bytearray: ...


@dataclass(frozen=True)
class Entry:
    """One tensor: its type by the format's names, its shape, its first byte in the file and one past its last."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_index(data: Bytes) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the tensors by name, sorted, and the metadata of a whole file. Raises Truncated, or CheckpointError."""
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if length > MAX_INDEX_BYTES:
        raise _damaged(f"an index of {length} bytes, expected at most {MAX_INDEX_BYTES}")
    first = LENGTH_BYTES + length
    if first > len(data):
        raise _cut_short()
    index = _parsed(data[LENGTH_BYTES:first])
    metadata = _metadata(index.pop(METADATA, None))
    entries = {name: _entry(name, value, first) for name, value in sorted(index.items())}
    _check_places(entries, first, len(data))
    return entries, metadata


def _parsed(text: bytes | bytearray) -> dict[str, Any]:
    try:
        index = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise _damaged(f"an index that is no JSON: {error}") from error
    if not isinstance(index, dict):
        raise _damaged("an index without names")
    return index


def _metadata(value: object) -> dict[str, str]:
    metadata = {} if value is None else value
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _damaged(f"{METADATA} of another form, expected names and texts")
    return metadata


def _entry(name: str, value: object, first: int) -> Entry:
    fields: dict[str, object] = value if isinstance(value, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not isinstance(dtype, str) or not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise _damaged(f"{name[:100]}: expected dtype, shape and data_offsets")
    return Entry(dtype, tuple(shape), first + offsets[0], first + offsets[1])


def _are_sizes(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def _check_places(entries: dict[str, Entry], first: int, end: int) -> None:
    """Refuse holes, overlaps, sizes that are not those of the shape, and a file that ends elsewhere."""
    reached = first
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != reached or entry.stop < entry.start:
            raise _damaged(
                f"{name[:100]}: lies at bytes {entry.start} to {entry.stop}, expected it to begin at {reached}"
            )
        # a type that networks do not have is for the reader to refuse, by name
        size = math.prod(entry.shape) * ALL_ITEM_BYTES.get(entry.dtype, 0)
        if entry.dtype in ALL_ITEM_BYTES and entry.stop - reached != size:
            raise _damaged(f"{name[:100]}: {entry.stop - reached} bytes, not those of {entry.dtype} {entry.shape}")
        reached = entry.stop
    if reached > end:
        raise _cut_short()
    if reached < end:
        raise _damaged(f"{end - reached} bytes after its last tensor")


def _damaged(what: str) -> CheckpointError:
    return CheckpointError(f"a damaged safetensors file ({what}); get it again")


def _cut_short() -> Truncated:
    return Truncated("the file ends before its tensors do; download or copy it again")
