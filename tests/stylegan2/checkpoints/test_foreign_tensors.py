"""Each allowed global gives the value that the real one would: tensors, arrays and scalars of every kind."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch

from stylegan2.checkpoints.containers import read_pickle, read_torch_stream
from stylegan2.checkpoints.pickle_machine import Record
from stylegan2.checkpoints.window import Window
from stylegan2.errors import CheckpointError

TENSORS = {
    "matrix": torch.arange(6.0).reshape(2, 3),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "part of a storage": torch.arange(20.0)[3:15:2],
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "half": torch.ones(3).half(),
    "bfloat16": torch.ones(3).bfloat16() / 3,
    "double": torch.ones(3).double() / 3,
    "whole numbers": torch.tensor([1, -(2**40)]),
    "flags": torch.tensor([True, False]),
    "bytes": torch.tensor([1, 255], dtype=torch.uint8),
}
ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">f4"),
    "scalar array": np.array(1.5, np.float32),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 2), np.float32),
}


def read(data: bytes):
    return read_pickle(window(data))


def window(data: bytes) -> Window:
    return Window(io.BytesIO(data), 0, len(data))


@pytest.mark.parametrize("name", TENSORS)
def test_torch_tensors(name):
    tensor = TENSORS[name]
    found = read(pickle.dumps({"x": tensor}))["x"]
    assert found.shape == tensor.shape
    assert found.read().dtype == tensor.dtype and torch.equal(found.read(), tensor.detach())


def test_tensors_that_share_a_storage():
    base = torch.arange(10.0)
    file = io.BytesIO()
    torch.save([base[:5], base[5:]], file, _use_new_zipfile_serialization=False)
    first, second = read_torch_stream(window(file.getvalue()))
    assert torch.equal(first.read(), base[:5]) and torch.equal(second.read(), base[5:])


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", ARRAYS)
def test_numpy_arrays(name, protocol):
    found = read(pickle.dumps(ARRAYS[name], protocol=protocol)).read()
    assert np.array_equal(found.numpy(), ARRAYS[name]) and found.shape == ARRAYS[name].shape


@pytest.mark.parametrize("value", [np.float32(1.5), np.float64(-2), np.int64(7), np.bool_(True)])
def test_numpy_scalars(value):
    assert read(pickle.dumps(value)) == value.item()


def test_other_values():
    kept = [None, True, 1, -(2**70), 1.5, "é", (1, (2, 3)), {"a": [1]}, frozenset({1}), {2}]
    assert read(pickle.dumps(kept)) == kept
    assert read(pickle.dumps(b"\x00")).read() == b"\x00"
    assert read(pickle.dumps([torch.Size([2, 3])])) == [(2, 3)]
    assert isinstance(read(pickle.dumps(torch.device("cpu"))), Record)


def test_arrays_of_text_are_not_read():
    with pytest.raises(CheckpointError, match="expected numbers"):
        read(pickle.dumps(np.array(["a"])))
