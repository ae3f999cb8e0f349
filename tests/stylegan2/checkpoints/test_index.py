"""The index of a safetensors file is checked like the format's own library does: what one refuses, the other does."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from stylegan2.checkpoints.index import MAX_INDEX_BYTES, Entry, read_index
from stylegan2.errors import CheckpointError, Truncated

NUMBERS = bytes(range(20))
GOOD = {
    "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
    "b": {"dtype": "F16", "shape": [2], "data_offsets": [16, 20]},
}


def file_of(index: object, numbers: bytes = NUMBERS) -> bytes:
    text = index if isinstance(index, bytes) else json.dumps(index).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def changed(**fields: object) -> dict:
    return {**GOOD, "b": {**GOOD["b"], **fields}}


DAMAGED = {  # bytes -> words of the message
    "nothing but a length": (b"\x08" + bytes(7), Truncated, "ends before"),
    "huge index": ((MAX_INDEX_BYTES + 1).to_bytes(8, "little") + b"{}", CheckpointError, "an index of 100000001 bytes"),
    "huger index": (b"\xff" * 8 + b"{}", CheckpointError, "expected at most"),
    "index beyond the file": ((50).to_bytes(8, "little") + b"{}", Truncated, "ends before"),
    "no JSON": (file_of(b"{]"), CheckpointError, "no JSON"),
    "no UTF-8": (file_of(b'{"\xff":1}'), CheckpointError, "no JSON"),
    "a list": (file_of([]), CheckpointError, "without names"),
    "deep": (file_of(b'{"a":' + b"[" * 100_000), CheckpointError, "no JSON"),
    "metadata of numbers": (file_of({**GOOD, "__metadata__": {"a": 1}}), CheckpointError, "__metadata__"),
    "a number": (file_of({"a": 1}), CheckpointError, "a: expected dtype, shape and data_offsets"),
    "a hole": (file_of(changed(data_offsets=[18, 22]), NUMBERS + b"12"), CheckpointError, "b: lies at"),
    "an overlap": (file_of(changed(data_offsets=[12, 16])), CheckpointError, "b: lies at"),
    "backwards": (file_of(changed(data_offsets=[16, 12])), CheckpointError, "b: lies at"),
    "before the numbers": (file_of(changed(data_offsets=[-4, 0])), CheckpointError, "b: expected dtype"),
    "another size": (file_of(changed(shape=[3])), CheckpointError, r"4 bytes, not those of F16 \(3,\)"),
    "a size that overflows": (file_of(changed(shape=[2**63, 2**63])), CheckpointError, "not those of F16"),
    "a shape of texts": (file_of(changed(shape=["2"])), CheckpointError, "b: expected dtype"),
    "a shape of flags": (file_of(changed(shape=[True, 2])), CheckpointError, "b: expected dtype"),
    "one offset": (file_of(changed(data_offsets=[16])), CheckpointError, "b: expected dtype"),
    "cut": (file_of(GOOD)[:-1], Truncated, "ends before"),
    "more at the end": (file_of(GOOD) + b"x", CheckpointError, "1 bytes after its last tensor"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_refused(tmp_path, name):
    data, error, words = DAMAGED[name]
    with pytest.raises(error, match=words) as caught:
        read_index(data)
    assert type(caught.value) is error
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(SafetensorError), safe_open(tmp_path / "m", framework="pt"):
        pass


def test_what_is_read():
    first = 8 + len(json.dumps(GOOD))
    entries, metadata = read_index(file_of(GOOD))
    assert entries == {
        "a": Entry("F32", (2, 2), first, first + 16),
        "b": Entry("F16", (2,), first + 16, first + 20),
    }
    assert metadata == {}


def test_files_of_the_library_are_read():
    tensors = {
        "x": torch.arange(3.0),
        "empty": torch.zeros(0, 2),
        "scalar": torch.tensor(2.0),
        "i": torch.ones(2).int(),
    }
    data = save(tensors, {"key": "text"})
    entries, metadata = read_index(data)
    assert metadata == {"key": "text"}
    assert {name: entry.shape for name, entry in entries.items()} == {n: tuple(t.shape) for n, t in tensors.items()}
    assert data[entries["x"].start : entries["x"].stop] == tensors["x"].numpy().tobytes()
