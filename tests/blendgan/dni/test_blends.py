"""Files to a file: nesting, order and types stay, other loaders read the result, and what is left out is told."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import stylegan2
from blendgan.dni import interpolate
from blendgan.dni.blends import default_target, mix, save, sentences
from blendgan.dni.network_files import open_bytes, open_network
from blendgan.dni.torch_files import write_torch
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch


@pytest.fixture
def pair(tmp_path, network):
    """Two training files: params and params_ema with the same names, an epoch; of one an optimiser too."""
    paths = []
    for seed, name in ((0, "a.pth"), (10, "b.pth")):
        value = {"epoch": 3, "params_ema": network(seed), "deep": {"net": network(seed + 1, torch.float16)}}
        value |= {"optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}} if seed else {}
        torch.save(value, tmp_path / name)
        paths.append(tmp_path / name)
    return paths


@pytest.mark.parametrize("mapped", [False, True])
def test_a_torch_file_keeps_nesting_order_and_types(tmp_path, network, same, pair, mapped):
    target = tmp_path / "mixed.pth"
    assert save(mix(pair, (0.7, 0.3)), target) == ("params_ema", "deep.net")
    found = torch.load(target, weights_only=True, mmap=mapped)
    assert list(found) == ["params_ema", "deep"]
    assert isinstance(found["params_ema"], OrderedDict)
    assert same(found["params_ema"], interpolate([network(0), network(10)], (0.7, 0.3)))
    expected = interpolate([network(1, torch.float16), network(11, torch.float16)], (0.7, 0.3))
    assert same(found["deep"]["net"], expected)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_wrapped_network_is_mixed_and_the_first_ones_names_are_written(tmp_path, network, ending):
    mixed = interpolate([network(0), network(10)], (0.7, 0.3))
    wrapped = {f"module.{name}": tensor for name, tensor in network(0).items()}
    torch.save({"net": wrapped}, tmp_path / "wrapped.pth")
    torch.save({"net": network(10)}, tmp_path / "plain.pth")
    paths = [tmp_path / "wrapped.pth", tmp_path / "plain.pth"]
    for order, weights, prefix in ((paths, (0.7, 0.3), "module."), (paths[::-1], (0.3, 0.7), "")):
        target = tmp_path / f"{prefix}mixed.{ending}"
        save(mix(order, weights), target)
        read = load_file(target) if ending == "safetensors" else torch.load(target, weights_only=True)["net"]
        assert set(read) == {prefix + name for name in mixed}
        real = [name for name in mixed if mixed[name].is_floating_point()]
        assert all(torch.equal(read[prefix + name], mixed[name]) for name in real)


def test_a_torch_file_says_how_it_was_made(tmp_path, pair):
    save(mix(pair, (0.7, 0.3), "round"), tmp_path / "mixed.pt")
    with zipfile.ZipFile(tmp_path / "mixed.pt") as archive:
        assert archive.testzip() is None
        note = json.loads(archive.read("archive/extra/blendgan_dni.json"))
        starts = [
            m.header_offset + 30 + len(m.filename) + len(m.extra) for m in archive.infolist() if "/data/" in m.filename
        ]
    assert all(start % 64 == 0 for start in starts)
    assert len(starts) == 16
    assert [(one["name"], one["weight"]) for one in note["networks"]] == [("a.pth", 0.7), ("b.pth", 0.3)]
    assert [one["fingerprint"] for one in note["networks"]] == [open_network(path).fingerprint for path in pair]
    assert note["integers"] == "round"


def test_a_blend_of_blends_and_its_order(tmp_path, same, pair):
    targets = [tmp_path / "ab.pth", tmp_path / "ba.pth"]
    save(mix(pair, (0.5, 0.5)), targets[0])
    save(mix(pair[::-1], (0.5, 0.5)), targets[1])
    found = [torch.load(target, weights_only=True) for target in targets]
    assert same(found[0]["params_ema"], found[1]["params_ema"])
    assert open_network(targets[0]).fingerprint == open_network(targets[1]).fingerprint
    save(mix(targets, (0.5, 0.5)), tmp_path / "again.pth")
    assert open_network(tmp_path / "again.pth").fingerprint == open_network(targets[0]).fingerprint


def test_what_is_left_out_and_what_became_of_integers_is_told(tmp_path, pair):
    blend = mix(pair, (0.7, 0.3))
    told = list(sentences(blend, Path("m.pth"), save(blend, tmp_path / "m.pth")))
    assert told[0] == f"wrote m.pth: 16 tensors of params_ema and deep.net, 0.7 {pair[0]}, 0.3 {pair[1]}"
    assert (
        told[1]
        == f"2 of them are integers: those of {pair[0]}, the network with the largest weight (--integers nearest)"
    )
    assert told[2] == f"left out: epoch of {pair[0]}; epoch, optimizer of {pair[1]}"
    told = list(sentences(blend, Path("m.safetensors"), save(blend, tmp_path / "m.safetensors")))
    assert told[2] == "a .safetensors file has no nesting: without deep.net; a .pth holds all"


def test_equal_weights_are_decided_by_fingerprint_and_that_is_told(tmp_path, pair):
    told = [list(sentences(mix(models, (0.5, 0.5)), tmp_path, ("params_ema",)))[1] for models in (pair, pair[::-1])]
    assert told[0] == told[1]
    assert told[0].endswith(".pth, by its fingerprint, since weights are equal (--integers nearest)")


def test_strangers_are_warned_of(tmp_path):
    states = [{"w.weight": torch.randn(99, 99, generator=torch.Generator().manual_seed(seed))} for seed in (0, 1)]
    for state, name in zip([*states, states[0]], "abc", strict=True):
        torch.save(state, tmp_path / f"{name}.pth")
    a, b, c = (tmp_path / f"{name}.pth" for name in "abc")
    (warning,) = list(sentences(blend := mix([a, b, c], (0.5, 0.3, 0.2)), a, tuple(blend.parts)))[1:]
    assert warning.startswith(f"warning: the filters of {a} and {b} correlate by ")
    assert "networks that share no ancestry have no useful mean" in warning
    assert len(list(sentences(blend := mix([a, b, c], (0.5, 0, 0.5)), a, tuple(blend.parts)))) == 1


def test_networks_at_other_places_are_matched_by_what_they_are(tmp_path, network, same):
    torch.save({"params": network(0), "step": 1}, tmp_path / "a.pth")
    torch.save(network(1), tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    save_file({k: v.contiguous() for k, v in network(2).items()}, tmp_path / "c.safetensors")
    models = [tmp_path / "a.pth", tmp_path / "b.pth", tmp_path / "c.safetensors"]
    save(mix(models, (0.5, 0.3, 0.2)), tmp_path / "m.pth")
    found = torch.load(tmp_path / "m.pth", weights_only=True)["params"]
    assert same(found, interpolate([network(0), network(1), network(2)], (0.5, 0.3, 0.2)))


def test_safetensors_keep_what_their_metadata_agrees_on(tmp_path, network):
    states = [{k: v.contiguous() for k, v in network(seed).items()} for seed in (0, 1)]
    for name, state, title in (("a", states[0], "sharp"), ("b", states[1], "soft")):
        save_file(state, tmp_path / f"{name}.safetensors", {"format": "pt", "title": title})
    target = tmp_path / "m.safetensors"
    save(mix([tmp_path / "a.safetensors", tmp_path / "b.safetensors"], (0.75, 0.25)), target)
    with safe_open(target, "pt") as file:
        metadata = file.metadata()
    note = json.loads(metadata.pop("blendgan_dni"))
    assert metadata == {"format": "pt"}
    assert [(one["weight"], one["metadata"]["title"]) for one in note["networks"]] == [(0.75, "sharp"), (0.25, "soft")]
    expected = interpolate(states, (0.75, 0.25))
    found = load_file(target)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_stylegan2_file_stays_one(tmp_path, pico):
    for seed in (0, 1):
        pico(seed).save(tmp_path / f"{seed}.safetensors")
    target = tmp_path / "m.safetensors"
    save(mix([tmp_path / "0.safetensors", tmp_path / "1.safetensors"], (0.6, 0.4)), target)
    found = stylegan2.checkpoints.load(target)
    expected = torch.lerp(pico(0).tensors["synthesis.b4.const"], pico(1).tensors["synthesis.b4.const"], 0.4)
    torch.testing.assert_close(found.tensors["synthesis.b4.const"], expected)
    assert found.metadata["dni"]["networks"][1]["weight"] == 0.4
    assert [parent["name"] for parent in found.metadata["lineage"]["blend"]] == [
        str(tmp_path / f"{i}.safetensors") for i in (0, 1)
    ]
    assert stylegan2.load_generator(target).config.resolution == 16


def test_stylegan2_files_that_differ_in_what_no_shape_shows(tmp_path, pico):
    pico(0).save(tmp_path / "a.safetensors")
    other = pico(1)
    replace(other, config=replace(other.config, conv_clamp=256.0)).save(tmp_path / "b.safetensors")
    with pytest.raises(ShapeMismatch, match="say different things of their networks"):
        save(mix([tmp_path / "a.safetensors", tmp_path / "b.safetensors"], (0.6, 0.4)), tmp_path / "m.safetensors")
    assert not (tmp_path / "m.safetensors").exists()


def test_targets_that_are_refused(tmp_path, pair):
    blend = mix(pair, (0.5, 0.5))
    (tmp_path / "there.pth").write_bytes(b"x")
    for name, message in [
        ("m.onnx", r"found the ending '\.onnx', expected one of \.safetensors, \.pth, \.pt"),
        ("a.pth", "is one of the networks that are mixed"),
        ("there.pth", "is there already; choose another name with -o, or replace it with --force"),
    ]:
        with pytest.raises(InputError, match=message):
            save(blend, tmp_path / name)
    with pytest.raises(InputError, match="is one of the networks"):
        save(blend, tmp_path / "a.pth", replace=True)
    save(blend, tmp_path / "there.pth", replace=True)
    assert open_network(tmp_path / "there.pth").place == "params_ema"


def test_nothing_half_written_is_left(tmp_path, network):
    a, b = network(0, torch.float16), network(1)
    b["fc.weight"] = b["fc.weight"] + 1e6  # found when the mean is computed: beyond float16
    torch.save(a, tmp_path / "a.pth")
    torch.save(b, tmp_path / "b.pth")
    with pytest.raises(CheckpointError, match="beyond"):
        save(mix([tmp_path / "a.pth", tmp_path / "b.pth"], (0.5, 0.5)), tmp_path / "m.pth")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.pth", "b.pth"]


def test_the_place_of_a_difference_is_told(tmp_path, network):
    torch.save({"params": network(0)}, tmp_path / "a.pth")
    torch.save({"params": network(1) | {"conv.bias": torch.ones(3)}}, tmp_path / "b.pth")
    with pytest.raises(ShapeMismatch, match=r"^params\.conv\.bias: .*a\.pth has shape \[4\], .*b\.pth \[3\];"):
        mix([tmp_path / "a.pth", tmp_path / "b.pth"], (0.5, 0.5))


def test_default_names(tmp_path, network):
    files = [open_bytes(_bytes(tmp_path, network(i)), name) for i, name in enumerate(("x/n20.pth", "n60.pt", "c.ckpt"))]
    assert default_target(files[:2], (0.7, 0.3)) == Path("n20-n60-0.3.pth")
    assert default_target(files, (0.5, 0.3, 0.2)) == Path("n20-n60-c-0.5-0.3-0.2.pth")
    assert default_target([open_network("portraits")] * 2, (0.5, 0.5)) == Path("portraits-portraits-0.5.safetensors")


def _bytes(folder, state) -> bytes:
    torch.save(state, folder / "x")
    return (folder / "x").read_bytes()


def test_a_blend_is_written_in_little_memory(tmp_path):
    """Twelve layers of 4 MB each: the mean of two such networks needs a few layers' room, not a network's."""
    for seed in (0, 1):
        random = torch.Generator().manual_seed(seed)
        torch.save(
            {f"{i}.weight": torch.randn(1024, 1024, generator=random) for i in range(12)}, tmp_path / f"{seed}.pth"
        )
    blend = mix([tmp_path / "0.pth", tmp_path / "1.pth"], (0.6, 0.4))
    alive = []
    view = blend.tensors
    for name in view:
        alive.append(sum(piece.numel() for piece in view.pieces(name)))
    assert alive == [1 << 20] * 12
    tracemalloc.start()  # what Python itself allocates: the bytes read from files
    save(blend, tmp_path / "m.pth")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6  # two layers of 4 MB at a time; the network has 50 MB
    assert max(piece.numel() for piece in view.pieces("0.weight")) <= 1 << 17


def test_large_members_are_written_as_zip_needs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    state = {"small": torch.ones(3), "large.weight": torch.randn(20, 20, generator=torch.Generator().manual_seed(0))}
    with (tmp_path / "m.pth").open("wb") as file:
        write_torch(file, {("params",): state}, "{}")
    found = torch.load(tmp_path / "m.pth", weights_only=True, mmap=True)["params"]
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert torch.equal(open_network(tmp_path / "m.pth").tensors["large.weight"], state["large.weight"])
