"""Networks' files of every form: what is found in them, that it is safe, and what is refused, and how."""

from __future__ import annotations

import argparse
import gc
import io
import json
import pathlib
import pickle
import warnings
from collections import OrderedDict, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from blendgan.dni.network_files import open_bytes, open_network
from stylegan2.checkpoints import fingerprint
from stylegan2.errors import (
    BlendganError,
    CheckpointError,
    InputError,
    Truncated,
    UnknownFormat,
    UnknownWeights,
    UnsafePickle,
)

NESTINGS = {
    "a bare state dict": (lambda s: s, "", ()),
    "BasicSR": (lambda s: {"params": {k: v + 1 for k, v in s.items()}, "params_ema": s}, "params_ema", ()),
    "a trainer": (lambda s: {"epoch": 3, "best": torch.tensor(0.5), "state_dict": s}, "state_dict", ("epoch", "best")),
    "deep": (lambda s: {"a": {"model": {"generator": s}}}, "a.model.generator", ()),
    "rosinality": (lambda s: {"g": {"x": torch.ones(2)}, "g_ema": s, "d": {"x": torch.ones(2)}}, "g_ema", ()),
    "an unknown word": (lambda s: {"weights_of_mine": s, "step": 3}, "weights_of_mine", ("step",)),
    "Lightning": (
        lambda s: {
            "state_dict": s,
            "hyper_parameters": argparse.Namespace(path=pathlib.PurePosixPath("a"), every=timedelta(1)),
            "callbacks": defaultdict(list, {"best": torch.tensor(1.0)}),
            "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1}]}],
        },
        "state_dict",
        ("hyper_parameters", "callbacks.best", "optimizer_states"),
    ),
    "an optimiser": (
        lambda s: {"model": s, "optim": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}},
        "model",
        ("optim",),
    ),
    "parameters": (lambda s: OrderedDict((k, nn.Parameter(v, v.is_floating_point())) for k, v in s.items()), "", ()),
}  # fmt: skip


def saved(value: object, *, legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("nesting", NESTINGS)
def test_the_network_is_found_wherever_it_is(network, same, nesting, legacy):
    build, place, left_out = NESTINGS[nesting]
    found = open_bytes(saved(build(network()), legacy=legacy), "a.pth")
    assert (found.place, found.left_out) == (place, left_out)
    assert same(dict(found.tensors), network())
    assert fingerprint(found.tensors) == fingerprint(network())


def test_a_state_dict_with_its_own_metadata_and_shared_views():
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).to(memory_format=torch.channels_last)
    state = module.state_dict()
    state["tied"] = state["0.weight"][1:]
    found = open_bytes(saved(state), "a.pth").tensors
    assert list(found) == list(state)
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_a_tensor_that_carries_attributes(network):
    state = network()
    state["conv.bias"].note = "of the author"
    state["fc.weight"] = nn.Parameter(state["fc.weight"])
    state["fc.weight"].note = 3
    found = open_bytes(saved(dict(state)), "a.pth").tensors
    assert torch.equal(found["conv.bias"], state["conv.bias"])
    assert torch.equal(found["fc.weight"], state["fc.weight"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_safetensors_have_all_types_and_their_names_in_natural_order(network, dtype):
    state = {f"body.{i}.weight": torch.full((2,), float(i)) for i in range(12)}
    state |= {name: tensor.contiguous() for name, tensor in network(3, dtype).items()}
    state |= {"flag": torch.tensor([True, False]), "byte": torch.tensor([200], dtype=torch.uint8)}
    found = open_bytes(save(state, {"title": "mine"}), "a.safetensors")
    assert [name for name in found.tensors if name.startswith("body")] == [f"body.{i}.weight" for i in range(12)]
    assert found.tensors.keys() == state.keys()
    assert all(torch.equal(found.tensors[name], state[name]) for name in state)
    assert (found.metadata, found.form, found.place) == ({"title": "mine"}, "safetensors", "")


def test_names_in_the_order_of_their_letters_get_their_numbers_order(network):
    state = {f"body.{i}.weight": torch.full((2,), float(i)) for i in range(12)}
    mapped = {name: state[name] for name in sorted(state)}
    assert list(mapped) != list(state)
    assert list(open_bytes(saved({"params": mapped}), "a.pth").tensors) == list(state)
    turned = dict(reversed(state.items()))  # another order is the author's
    assert list(open_bytes(saved(turned), "a.pth").tensors) == list(turned)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_what_a_wrapper_puts_before_all_names_is_taken_off(network, same, prefix):
    wrapped = {prefix + name: tensor for name, tensor in network().items()}
    found = open_bytes(saved({"net": wrapped, "other": network(1)}), "a.pth")
    assert found.prefixes == {"net": prefix}
    assert same(dict(found.parts["net"]), network())
    assert same(dict(found.parts["other"]), network(1))
    in_safetensors = open_bytes(save(wrapped), "a.safetensors")
    assert (in_safetensors.prefixes, in_safetensors.fingerprint) == ({"": prefix}, fingerprint(network()))


def test_names_that_only_some_have_before_them_stay():
    for names in (("module.a", "n_averaged"), ("module.a", "module.")):
        found = open_bytes(saved({name: torch.ones(2) for name in names}), "a.pth")
        assert (tuple(found.tensors), found.prefixes) == (names, {})


def test_one_network_has_one_fingerprint_in_every_file(network):
    files = saved(network()), saved({"params": network()}, legacy=True), save(dict(network()))
    assert {open_bytes(file, "a").fingerprint for file in files} == {fingerprint(network())}


def test_a_file_stays_open_and_closes_quietly(tmp_path, network):
    path = tmp_path / "a.pth"
    torch.save(network(), path)
    found = open_network(path)
    assert (found.name, found.source) == (str(path), path)
    assert open_network(found) is found
    assert torch.equal(found.tensors["fc.weight"], network()["fc.weight"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del found
        gc.collect()


def test_a_shipped_network_by_name():
    assert "synthesis.b4.const" in open_network("portraits").tensors


class Hostile:
    def __reduce__(self):
        return eval, ("__import__('pathlib').Path('owned').touch()",)


LONE = "\ud800"  # half a character

BAD = {
    "nothing": (lambda s: b"", Truncated, "a.pth: the file is empty"),
    "a web page": (lambda s: b"<!DOCTYPE html><html>", UnknownFormat, "a.pth: a web page, not a model"),
    "an LFS pointer": (lambda s: b"version https://git-lfs.github.com/spec/v1\n", UnknownFormat, "a Git LFS pointer"),
    "a picture": (lambda s: b"\x89PNG\r\n\x1a\n" + bytes(64), UnknownFormat, r"no network .* .pth, .pt, .ckpt, .bin"),
    "a zip of others": (lambda s: b"PK\x03\x04" + bytes(30), Truncated, "a zip file without its end"),
    "cut short": (lambda s: saved(s)[:-200], Truncated, "a.pth: a zip file without its end"),
    "legacy cut short": (lambda s: saved(s, legacy=True)[:-20], CheckpointError, "the file ends before"),
    "safetensors cut short": (lambda s: save(dict(s))[:-20], Truncated, "the file ends before its tensors do"),
    "an empty dict": (lambda s: saved({}), UnknownFormat, r"tensors of real numbers, expected a"),
    "no tensors": (lambda s: saved({"epoch": 3, "lr": [1]}), UnknownFormat, r"of real numbers \(found epoch, lr\)"),
    "a counter alone": (lambda s: saved({"n": torch.tensor([1, 2])}), UnknownFormat, r"of real numbers \(found n\)"),
    "a lone tensor": (lambda s: saved(torch.ones(3)), UnknownFormat, "a single tensor without a name"),
    "a list": (lambda s: saved([torch.ones(3)]), UnknownFormat, "a file without named tensors"),
    "empty safetensors": (lambda s: save({}), UnknownFormat, "a file without tensors"),
    "a whole module": (lambda s: saved(nn.Linear(2, 2)), UnsafePickle, r"\.Linear, .*whole pickled module"),
    "a command": (lambda s: saved({"state_dict": s, "x": Hostile()}), UnsafePickle, r"builtins\.eval.* trust it$"),
    "a sparse tensor": (
        lambda s: saved({"w": torch.eye(3).to_sparse()}), UnsafePickle, r"sparse_tensor: sparse tensors are not"
    ),
    "complex numbers": (
        lambda s: saved({"w": torch.ones(3, dtype=torch.complex64)}), UnsafePickle, r"ComplexFloatStorage: complex numb"
    ),
    "stored numbers of 8 bits": (
        lambda s: saved({"w": torch.ones(3).to(torch.float8_e4m3fn)}), UnsafePickle, r"_v3: numbers of a new format"
    ),
    "TorchScript": (lambda s: b"\x80\x02c__torch__.a\nModule\n.", UnsafePickle, r"a\.Module: programs \(Torch"),
    "a class of a script": (lambda s: b"\x80\x02c__main__\nnet\n.", UnsafePickle, r"__main__\.net, .*whole pickled"),
    "a plain command": (lambda s: pickle.dumps({"x": Hostile()}, 2), UnsafePickle, r"asks for builtins\.eval"),
    "half a character": (lambda s: saved({LONE: s["fc.weight"]}), CheckpointError, r"name '\\ud800', expected text"),
    "numbers of 8 bits": (
        lambda s: save({"w": torch.ones(3).to(torch.float8_e4m3fn)}), CheckpointError, r"found w F8_E4M3, expected"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_in_one_line(tmp_path, monkeypatch, network, kind):
    monkeypatch.chdir(tmp_path)
    build, error, message = BAD[kind]
    with pytest.raises(error, match=message) as caught:
        open_bytes(build(network()), "a.pth")
    assert str(caught.value).startswith("a.pth: ")
    assert len(str(caught.value)) < 400
    assert not list(tmp_path.iterdir())


def test_dictionaries_inside_each_other_end():
    inner: dict[str, object] = {"w": torch.ones(2)}
    wide: dict[str, object] = inner
    for _ in range(30):
        wide = {str(i): wide for i in range(50)}  # 50**30 paths
    deep: dict[str, object] = inner
    for _ in range(30):
        deep = {"x": deep}
    loop: dict[str, object] = {"w": torch.ones(2)}
    loop["again"] = loop
    assert open_bytes(saved(loop), "a").left_out == ("again",)
    for value in (wide, deep):
        with pytest.raises(UnknownFormat, match="without named tensors"):
            open_bytes(saved(value), "a")


def test_a_few_numbers_named_many_times_are_refused():
    numbers = torch.ones(100_000)
    with pytest.raises(CheckpointError, match=r"would unfold into \d+ bytes, \d+ times the file"):
        open_bytes(saved({f"w{i}": numbers for i in range(50)}), "a")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UnknownWeights, match="neither an existing file nor a shipped name"):
        open_network(tmp_path / "a.pth")
    with pytest.raises(InputError, match="a folder, expected a network's file"):
        open_network(tmp_path)


@pytest.mark.parametrize("shape", [[2**40, 2**40, 0], [2**50], [1] * 9])
def test_sizes_that_torch_cannot_count_are_refused(shape):
    index = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0 if 0 in shape else 4]}}).encode()
    data = len(index).to_bytes(8, "little") + index + bytes(0 if 0 in shape else 4)
    with pytest.raises(CheckpointError, match=r"^a\.safetensors: "):
        open_bytes(data, "a.safetensors")


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # Python's own, of damaged strings
def test_damaged_files_raise_nothing_but_errors_of_ours(network):
    """Bytes changed at random, 300 files of each form."""
    random = np.random.default_rng(0)
    refused = 0
    for whole in (saved(network()), saved(network(), legacy=True), save(dict(network()))):
        for _ in range(300):
            data = bytearray(whole)
            for place in random.integers(0, len(data), 3):
                data[place] = random.integers(0, 256)
            try:
                found = open_bytes(bytes(data), "a")
                assert len(found.fingerprint) == 64
            except BlendganError:
                refused += 1
    assert 100 < refused < 900


def test_many_threads_read_one_file(tmp_path, network):
    states = {f"{i}": torch.full((1000,), float(i)) for i in range(50)}
    torch.save(states, tmp_path / "a.pth")
    tensors = open_network(tmp_path / "a.pth").tensors
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda name: torch.equal(tensors[name], states[name]), list(states) * 10))
