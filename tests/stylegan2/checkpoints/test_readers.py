"""`load` on files that are no models, or damaged ones: a plain error each, never a traceback."""

from __future__ import annotations

import pickle
import random
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from stylegan2.checkpoints import fingerprint, load, load_bytes
from stylegan2.errors import BlendganError, CheckpointError, InputError, Truncated, UnknownFormat, UnsafePickle

NOT_MODELS = {  # bytes -> error, and words of the message
    "empty": (b"", Truncated, "the file is empty"),
    "web page": (b"<!DOCTYPE html><html>", UnknownFormat, "the download link is dead"),
    "web page after a blank": (b"\xef\xbb\xbf\n <html>", UnknownFormat, "the download link is dead"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", UnknownFormat, "git lfs pull"),
    "picture": (b"\xff\xd8\xff\xe0 JFIF", UnknownFormat, "first bytes ff d8 ff e0"),
    "text": (b"hello world", UnknownFormat, "expected a StyleGAN2 file: NVIDIA's .pkl"),
    "another pickle": (pickle.dumps({"weights": [1, 2], "epoch": 3}), UnknownFormat, "found weights, epoch"),
    "a number": (pickle.dumps(7), UnknownFormat, "found int"),
    "cut zip": (b"PK\x03\x04" + b"\x00" * 30, Truncated, "a zip file without its end"),
    "cut safetensors": ((1000).to_bytes(8, "little") + b'{"a":', Truncated, "ends before its tensors do"),
    "damaged safetensors": ((5).to_bytes(8, "little") + b'{"a":', CheckpointError, "a damaged safetensors file"),
}


@pytest.mark.parametrize("name", NOT_MODELS)
def test_files_that_are_no_models(tmp_path, name):
    data, error, words = NOT_MODELS[name]
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    with pytest.raises(error) as caught:
        load(path)
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"{path}: ") and words in str(caught.value)
    with pytest.raises(error) as from_memory:
        load_bytes(data, "model.pkl")
    assert type(from_memory.value) is error
    assert str(from_memory.value) == str(caught.value).replace(str(path), "model.pkl")


def test_a_pickle_of_another_library(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04csklearn.svm._classes\nSVC\n)\x81.")
    with pytest.raises(UnsafePickle, match=r"asks for sklearn\.svm\._classes\.SVC, which no model file needs"):
        load(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "nothing.pkl")


def test_a_zip_that_is_not_torchs(tmp_path):
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("network.pkl", b"x")
    with pytest.raises(UnknownFormat, match="a zip file that torch did not write"):
        load(path)


def test_a_safetensors_file_of_somebody_else(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(UnknownFormat, match="a safetensors file without our header"):
        load(path)


def test_a_folder_means_the_one_model_in_it(tmp_path, model):
    with pytest.raises(InputError, match="a folder without a model"):
        load(tmp_path)
    model.save(tmp_path / "a.safetensors")
    (tmp_path / "a.pkl").write_bytes(b"not looked at")
    assert load(tmp_path).config == model.config
    model.save(tmp_path / "b.safetensors")
    with pytest.raises(InputError, match=r"several models \(a.safetensors, b.safetensors\)"):
        load(tmp_path)


def test_our_own_file_from_memory_is_the_same_model(tmp_path, model):
    path = tmp_path / "model.safetensors"
    model.save(path)
    data = path.read_bytes()
    found = load_bytes(data, "model")
    assert (found.config, fingerprint(found)) == (model.config, fingerprint(model))
    found.tensors["mapping.w_avg"].fill_(7)
    assert data == path.read_bytes()  # the caller's bytes stay as they are


@pytest.fixture(params=["pickle", "zip", "older stream", "native"])
def good_file(request, tmp_path, model) -> bytes:
    """A whole file of a kind; what is inside matters less than the container."""
    path = tmp_path / "good"
    root = {"g_ema": {"conv1.conv.weight": torch.ones(1, 2, 2, 3, 3), "style.1.weight": torch.ones(4, 4)}}
    if request.param == "native":
        model.save(path)
    elif request.param == "pickle":
        path.write_bytes(pickle.dumps(root))
    else:
        torch.save(root, path, _use_new_zipfile_serialization=request.param == "zip")
    return path.read_bytes()


def test_cut_files(tmp_path, good_file):
    path = tmp_path / "cut"
    for count in sorted({len(good_file) * i // 23 for i in range(1, 23)}):
        path.write_bytes(good_file[:count])
        with pytest.raises(CheckpointError):
            load(path)
        with pytest.raises(CheckpointError):
            load_bytes(good_file[:count], "cut")
    path.write_bytes(good_file[:-1])
    for read in (lambda: load(path), lambda: load_bytes(good_file[:-1], "cut")):
        with pytest.raises(Truncated):
            read()


def test_damaged_files_raise_nothing_else(tmp_path, good_file):
    chance = random.Random(5)
    path = tmp_path / "damaged"
    for _ in range(150):
        data = bytearray(good_file)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(min(len(data), 2000))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            load(path)
        except BlendganError as error:
            assert str(path) in str(error)
