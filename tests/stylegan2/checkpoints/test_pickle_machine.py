"""Hostile pickles: each is refused by name, wherever it stands, and nothing of it ever runs."""

from __future__ import annotations

import builtins
import copyreg
import functools
import io
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from stylegan2.checkpoints import load
from stylegan2.errors import CheckpointError, Truncated, UnknownFormat, UnsafePickle

PLACES = ("root", "beside good tensors", "zip", "older stream", "nested storage", "nested twice", "array of objects")


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def put(thing: object, place: str) -> bytes:
    """Return a file that holds `thing` in one of PLACES."""
    good = OrderedDict({"conv1.conv.weight": torch.ones(2), "more": {"deep": [(1, thing)]}})
    if place == "root":
        return pickle.dumps(thing)
    if place == "beside good tensors":
        return pickle.dumps({"G_ema": None, "list": [torch.ones(2), thing]})
    if place in ("zip", "older stream"):
        return torch_file({"g_ema": good}, zipped=place == "zip")
    if place == "array of objects":
        return pickle.dumps({"variables": np.array([thing], dtype=object)})
    nested = torch_file(good, zipped=False)
    if place == "nested twice":
        nested = torch_file({"x": Call(torch.storage._load_from_bytes, nested)}, zipped=False)
    return pickle.dumps({"G_ema": Call(torch.storage._load_from_bytes, nested)})


def torch_file(root: object, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(root, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def refused(tmp_path, data: bytes) -> str:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(data)
    with pytest.raises(UnsafePickle) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize("place", PLACES)
def test_a_command_is_refused_by_name_wherever_it_stands(tmp_path, hostile, place):
    message = refused(tmp_path, put(hostile, place))
    expected = {"array of objects": "array of objects", "nested twice": "torch.storage._load_from_bytes"}
    assert expected.get(place, f"{hostile.function.__module__}.system") in message
    assert not hostile.path.exists()


def test_the_canary_sings_in_a_real_unpickler(hostile):
    pickle.loads(put(hostile, "root"))
    assert hostile.path.exists()


@pytest.mark.parametrize("place", ["root", "zip", "nested storage"])
@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (Call(eval, "1"), "builtins.eval"),
        (Call(exec, "1"), "builtins.exec"),
        (Call(getattr, {}, "get"), "builtins.getattr"),
        (Call(__import__, "os"), "builtins.__import__"),
        (Call(torch.load, "x"), "torch.serialization.load"),
        (Call(np.load, "x"), "numpy.load"),
        (Call(functools.partial, abs), "functools.partial"),
        (Call(copyreg._reconstructor, object, object, None), "copyreg._reconstructor"),
        (functools.partial(abs), "functools.partial"),
        (builtins.abs, "builtins.abs"),  # only named, never called; not print, which Ray replaces
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_globals_are_refused_by_name(tmp_path, thing, name, place):
    assert f"asks for {name}, which no model file needs; nothing of it was run" in refused(tmp_path, put(thing, place))


def text(word: str) -> bytes:
    return b"\x8c" + bytes([len(word)]) + word.encode()


HAND_MADE = {  # what no pickler writes, and the words of the refusal
    "dotted": (text("torch") + text("storage._load_from_bytes") + b"\x93", "torch.storage._load_from_bytes"),
    "dotted traversal": (text("torch") + text("os.system") + b"\x93", "torch.os.system"),
    "names that are not text": (b"K\x01K\x02\x93", "<int>.<int>"),
    "protocol 0": (b"cos\nsystem\n(S'true'\ntR", "os.system"),
    "instance": (b"(S'true'\nios\nsystem\n", "os.system"),
    "object": (b"(cos\nsystem\nS'true'\no", "os.system"),
    "extension registry": (b"\x82\x01", "copyreg extension 1"),
    "a call of text": (text("os.system") + b")R", "calls a value of type str"),
    "a call of an object": (b"cargparse\nNamespace\n)R)R", "calls a value of type Record"),
    "a storage class called": (b"ctorch\nFloatStorage\n)R", "torch.FloatStorage is called"),
    "keywords": (b"cargparse\nNamespace\n)" + b"}" + text("a") + text("b") + b"s\x92", "keyword arguments"),
    "out-of-band buffer": (b"\x97", "NEXT_BUFFER"),
    "object dtype": (b"cnumpy\ndtype\n" + text("O8") + b"\x85R", "array of objects"),
    "other encoding": (b"c_codecs\nencode\n" + text("a") + text("zip") + b"\x86R", "latin1"),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_pickles_are_refused(tmp_path, name):
    data, words = HAND_MADE[name]
    assert words in refused(tmp_path, b"\x80\x04" + data + b".")


def test_a_pickle_without_a_protocol_number_is_read_too(tmp_path):
    assert "os.system" in refused(tmp_path, b"cos\nsystem\n(S'true'\ntR.")


STORAGE = b"ctorch.storage\n_load_from_bytes\n"
MOST_BYTES = 1 << 20
BOMBS = {  # small files that would take much memory
    "bytes of 1 TB": b"\x8e" + struct.pack("<Q", 1 << 40) + b"x",
    "frame of 1 EB": b"\x95" + struct.pack("<Q", 1 << 60) + b"x",
    "memo of 4e9 places": b"Nr\xff\xff\xff\xff.",
    "number of 2 GB": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x",
    "text number": b"I" + b"9" * 5000 + b"\n.",
    "array without its bytes": b"cnumpy\nndarray\n)R(K\x01J\xff\xff\xff\x7f\x85cnumpy\ndtype\n"
    + text("f8")
    + b"\x85R\x89C\x00tb.",
}
DEEP = {  # plain values that would overflow a stack, or pile up
    "deep key": b"}" + b")" + b"\x85" * 50_000 + b"Ns.",
    "deep list": b"]" * 50_000 + b"a" * 49_999 + b".",
    "many operations": b"]0" * 250_000 + b"N.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(tmp_path, name):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(b"\x80\x04" + BOMBS[name])
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", DEEP)
def test_deep_and_long_pickles_are_refused(tmp_path, name):
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x04" + DEEP[name])
    with pytest.raises(CheckpointError):
        load(path)


def state_dict(tensor: torch.Tensor) -> dict:
    return {"g_ema": {"conv1.conv.weight": tensor}}


def test_expanded_views_are_refused(tmp_path):
    path = tmp_path / "expanded.pt"
    torch.save(state_dict(torch.ones(1).expand(1 << 40)), path)
    assert path.stat().st_size < 10_000
    with pytest.raises(CheckpointError, match="found 1 stored numbers, expected at least 1099511627776"):
        load(path)


def test_overlapping_views_are_refused(tmp_path):
    path = tmp_path / "overlapping.pt"
    base = torch.ones(1000)
    torch.save({"g_ema": {f"conv1.{i}": base[:] for i in range(200)} | {"conv1.conv.weight": base}}, path)
    with pytest.raises(CheckpointError, match="damaged or hostile"):
        load(path)


def rezipped(path, change) -> None:
    """Write the zip file again with `change(name, data) -> (data, compression)`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            new, compression = change(name, data)
            archive.writestr(name, new, compression)


def test_compressed_members_are_refused(tmp_path):
    path = tmp_path / "bomb.pt"
    torch.save(state_dict(torch.zeros(1 << 16)), path)
    rezipped(path, lambda name, data: (data, zipfile.ZIP_DEFLATED))
    with pytest.raises(CheckpointError, match="found a compressed member"):
        load(path)


def test_storages_shorter_than_declared_are_refused(tmp_path):
    path = tmp_path / "short.pt"
    torch.save(state_dict(torch.zeros(64)), path)
    rezipped(path, lambda name, data: (data[:-4] if name.endswith("data/0") else data, zipfile.ZIP_STORED))
    with pytest.raises(Truncated, match="found 252 bytes, expected 256"):
        load(path)


def test_big_endian_numbers_are_refused(tmp_path):
    path = tmp_path / "big.pt"
    torch.save(state_dict(torch.zeros(64)), path)
    rezipped(path, lambda name, data: (b"big" if name.endswith("byteorder") else data, zipfile.ZIP_STORED))
    with pytest.raises(UnknownFormat, match="big-endian"):
        load(path)
