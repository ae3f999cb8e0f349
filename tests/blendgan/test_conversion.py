"""Any format → safetensors, with the same pictures; and the proof notices a model that is not the same."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from blendgan.cli import main
from blendgan.conversion import convert, verify
from stylegan2 import checkpoints
from stylegan2.errors import InputError


@pytest.fixture
def model(pico, tmp_path):
    path = tmp_path / "pico.safetensors"
    checkpoints.save(pico(), path)
    return str(path)


def test_conversion_keeps_every_tensor(model, tmp_path):
    convert(model, tmp_path / "copy.safetensors")
    before, after = checkpoints.load(model), checkpoints.load(tmp_path / "copy.safetensors")
    assert before.config == after.config
    assert checkpoints.fingerprint(before) == checkpoints.fingerprint(after)
    assert verify(model, tmp_path / "copy.safetensors").largest_difference == 0.0


@pytest.mark.parametrize("name", ["nvidia_torch_64.pkl", "nvidia_tf_64.pkl", "rosinality_64.pt", "nvidia_clamp_32.pkl"])
def test_foreign_formats_render_the_same_afterwards(shared, tmp_path, name):
    source = str(shared / "golden" / name)
    convert(source, tmp_path / "native.safetensors")
    assert checkpoints.load(tmp_path / "native.safetensors").metadata["format"] == "safetensors"
    assert verify(source, tmp_path / "native.safetensors").largest_difference == 0.0


@pytest.mark.parametrize("name", ["mapping.w_avg", "synthesis.b8.conv0.noise_const", "synthesis.b16.torgb.bias"])
def test_the_proof_notices_a_change_of_any_part(pico, model, tmp_path, name):
    changed = dict(pico().tensors)
    changed[name] = changed[name] + 0.1
    checkpoints.save(dataclasses.replace(pico(), tensors=changed), tmp_path / "changed.safetensors")
    assert verify(model, tmp_path / "changed.safetensors").largest_difference > 1e-3


def test_models_with_classes_are_verified_too(pico, tmp_path):
    with_classes = pico(config=dataclasses.replace(pico().config, num_classes=2))
    checkpoints.save(with_classes, tmp_path / "a.safetensors")
    convert(str(tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
    assert verify(str(tmp_path / "a.safetensors"), tmp_path / "b.safetensors").largest_difference == 0.0


def test_another_ending_is_refused(model, tmp_path):
    with pytest.raises(InputError) as caught:
        convert(model, tmp_path / "copy.pkl")
    assert str(caught.value) == (
        f"{tmp_path / 'copy.pkl'}: found the ending '.pkl', expected .safetensors, the form that is written"
    )


def test_the_command_replaces_only_when_told(model, tmp_path, capsys):
    target = tmp_path / "copy.safetensors"
    target.write_bytes(b"precious")
    assert main.run(["convert", model, str(target)]) == 2
    assert target.read_bytes() == b"precious"
    assert capsys.readouterr().err == (
        f"blendgan: {target}: is there already; choose another name, or replace it with --force\n"
    )
    assert main.run(["convert", model, str(target), "--force", "--verify"]) == 0
    assert capsys.readouterr().out == f"wrote {target}\nlargest difference over 4 pictures: 0\n"


def test_a_truncated_model_leaves_nothing_behind(model, tmp_path):
    broken = tmp_path / "broken.safetensors"
    with open(model, "rb") as file:
        broken.write_bytes(file.read()[:-100])
    assert main.run(["convert", str(broken), str(tmp_path / "copy.safetensors")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "pico.safetensors"]


def test_half_precision_stays_as_it_is(pico, tmp_path):
    halves = {name: tensor.half() for name, tensor in pico().tensors.items()}
    checkpoints.save(dataclasses.replace(pico(), tensors=halves), tmp_path / "half.safetensors")
    convert(str(tmp_path / "half.safetensors"), tmp_path / "copy.safetensors")
    copied = checkpoints.load(tmp_path / "copy.safetensors").tensors
    assert {copied[name].dtype for name in copied} == {torch.float16}
