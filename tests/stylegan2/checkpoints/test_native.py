"""Our own files: what is written is what is read, byte for byte, lazily, and whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from stylegan2.checkpoints import Checkpoint, fingerprint, load, save
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch, UnknownFormat


def header_of(path) -> dict:
    length = int.from_bytes(path.read_bytes()[:8], "little")
    return json.loads(path.read_bytes()[8 : 8 + length])


def rewrite(path, change) -> None:
    """Write the file again with another JSON header of ours."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    index = json.loads(data[8 : 8 + length])
    ours = json.loads(index["__metadata__"]["blendgan"])
    index["__metadata__"]["blendgan"] = json.dumps(change(ours))
    text = json.dumps(index).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def test_round_trip(tmp_path, variant, same):
    path = tmp_path / "model.safetensors"
    metadata = {"format": "rosinality", "licence": "CC BY 4.0", "recipe": {"alpha": [0.5, 1]}}
    save(Checkpoint(variant.config, variant.tensors, metadata, variant.discriminator), path)
    found = load(path)
    same(found, variant)
    assert found.metadata == {**metadata, "format": "safetensors", "converted_from": "rosinality"}


def test_the_format_is_plain_safetensors_with_one_key(tmp_path, model):
    path = tmp_path / "model.safetensors"
    model.save(path)
    tensors = load_file(path)
    assert tensors.keys() == model.tensors.keys()
    assert all(torch.equal(tensors[name], model.tensors[name]) for name in tensors)
    assert list(header_of(path)["__metadata__"]) == ["blendgan"]


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path, model):
    turned = replace(model, tensors=dict(reversed(model.tensors.items())))
    for name, checkpoint in (("a", model), ("b", turned)):
        checkpoint.save(tmp_path / name)
    load(tmp_path / "a").save(tmp_path / "c")
    load(tmp_path / "c").save(tmp_path / "d")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "c").read_bytes() == (tmp_path / "d").read_bytes()
    assert fingerprint(load(tmp_path / "d")) == fingerprint(model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_type_of_numbers_stays(tmp_path, model, dtype):
    tensors = {n: t.to(dtype) if n.startswith("synthesis") else t for n, t in model.tensors.items()}
    replace(model, tensors=tensors).save(tmp_path / "m")
    found = load(tmp_path / "m").tensors
    assert all(found[n].dtype == t.dtype and torch.equal(found[n], t) for n, t in tensors.items())


def test_tensors_are_read_when_asked_for(tmp_path, model):
    model.save(tmp_path / "m")
    tensors = load(tmp_path / "m").tensors
    assert isinstance(tensors, Mapping) and not isinstance(tensors, dict)
    assert sorted(tensors) == sorted(model.tensors) and len(tensors) == len(model.tensors)
    assert "mapping.fc0.bias" in tensors and "mapping.fc9.bias" not in tensors
    with pytest.raises(KeyError):
        tensors["mapping.fc9.bias"]


def test_existing_files_are_kept_unless_asked(tmp_path, model):
    path = tmp_path / "m"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="the file exists"):
        model.save(path)
    assert path.read_bytes() == b"precious"
    model.save(path, replace=True)
    load(path).save(path, replace=True)  # onto the very file that it reads
    assert fingerprint(load(path)) == fingerprint(model)


class Failing(dict):
    """Tensors of which the last cannot be read."""

    def __getitem__(self, name):
        if name == max(self):
            raise OSError("disk on fire")
        return super().__getitem__(name)


def test_a_failure_leaves_nothing(tmp_path, model):
    (tmp_path / "m").write_bytes(b"before")
    with pytest.raises(InputError, match="disk on fire"):
        replace(model, tensors=Failing(model.tensors)).save(tmp_path / "m", replace=True)
    assert [file.name for file in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m").read_bytes() == b"before"
    with pytest.raises(InputError, match="could not be written"):
        model.save(tmp_path / "no such folder" / "m")


def test_only_a_whole_model_is_written(tmp_path, model):
    tensors = {name: t for name, t in model.tensors.items() if name != "synthesis.b4.const"}
    with pytest.raises(ShapeMismatch, match=r"1 missing: synthesis.b4.const \[7, 4, 4\]"):
        replace(model, tensors=tensors).save(tmp_path / "m")
    with pytest.raises(CheckpointError, match="mapping.w_avg I64"):
        replace(model, tensors={**model.tensors, "mapping.w_avg": torch.ones(8, dtype=torch.int64)}).save(
            tmp_path / "m"
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", "16"),
        ("resolution", 17),
        ("resolution", 2**19),
        ("channels", [7, 5, -3]),
        ("channels", 7),
        ("mapping_layers", 10**9),
        ("z_dim", 1e9),
        ("const_size", [4]),
        ("conv_clamp", "no"),
        ("lr_multiplier", float("inf")),
        ("architecture", ["skip"]),
        ("activation", "system"),
        ("surprise", 1),
    ],
)
def test_a_header_with_strange_fields_is_refused(tmp_path, model, field, value):
    model.save(tmp_path / "m")
    rewrite(tmp_path / "m", lambda header: {**header, "config": {**header["config"], field: value}})
    with pytest.raises(CheckpointError, match=f"{field}|channels"):
        load(tmp_path / "m")


@pytest.mark.parametrize("header", [[], {"version": 1}, 7])
def test_a_header_of_another_form_is_refused(tmp_path, model, header):
    model.save(tmp_path / "m")
    rewrite(tmp_path / "m", lambda _: header)
    with pytest.raises(CheckpointError, match="a damaged header"):
        load(tmp_path / "m")


def test_a_newer_file_says_so(tmp_path, model):
    model.save(tmp_path / "m")
    rewrite(tmp_path / "m", lambda header: {**header, "version": 2})
    with pytest.raises(UnknownFormat, match="version 2, expected 1; install a newer blendgan"):
        load(tmp_path / "m")


def test_a_header_that_does_not_fit_its_tensors(tmp_path, model):
    model.save(tmp_path / "m")
    rewrite(tmp_path / "m", lambda header: {**header, "config": {**header["config"], "w_dim": 9}})
    with pytest.raises(ShapeMismatch, match=r"mapping.w_avg \[8\] instead of \[9\]"):
        load(tmp_path / "m")


def test_tensors_are_the_files_own_bytes_and_writing_stays_here(tmp_path, model):
    path = tmp_path / "m"
    model.save(path)
    data, tensors = path.read_bytes(), load(path).tensors
    first, again = tensors["mapping.fc0.weight"], tensors["mapping.fc0.weight"]
    assert first.data_ptr() == again.data_ptr()
    first.zero_()
    assert not again.any()
    assert path.read_bytes() == data
    assert torch.equal(load(path).tensors["mapping.fc0.weight"], model.tensors["mapping.fc0.weight"])


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody replace a mapped file")
def test_a_file_that_is_replaced_leaves_what_was_read(tmp_path, model):
    path = tmp_path / "m"
    model.save(path)
    before = load(path)
    other = replace(model, tensors={name: tensor + 1 for name, tensor in model.tensors.items()})
    other.save(path, replace=True)
    assert fingerprint(before) == fingerprint(model) != fingerprint(load(path))


def test_numbers_that_lie_at_odd_places(tmp_path, model):
    path = tmp_path / "m"
    model.save(path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little") + 1
    path.write_bytes(length.to_bytes(8, "little") + data[8 : 7 + length] + b" " + data[7 + length :])
    found = load(path)
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in model.tensors.items())
    assert fingerprint(found) == fingerprint(model)
