"""What `inspect` says of a model is what the model is."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from blendgan.cli import main
from blendgan.inspection import describe, inspect, networks, parameters
from stylegan2.checkpoints import Checkpoint, fingerprint, fingerprint_mapping, save
from stylegan2.errors import UnknownWeights


def test_sizes_and_papers(pico):
    checkpoint = dataclasses.replace(
        pico(), metadata={"format": "test", "licence": "CC0 1.0", "lineage": {"from": "a"}, "kimg": 4}
    )
    said = describe(checkpoint)
    assert said["format"] == "test"
    assert said["resolution"] == "16 x 16 px"
    assert said["architecture"] == "skip"
    assert said["channels"] == "4: 8, 8: 6, 16: 4"
    assert said["latents"] == "z 8, w 8, 6 styles"
    assert said["mapping layers"] == "2"
    assert said["classes"] == "none"
    assert said["activations clamped"] == "no"
    assert said["number format"] == "float32"
    assert said["licence"] == "CC0 1.0"
    assert said["lineage"] == '{"from": "a"}'
    assert said["also says"] == "kimg"
    assert said["fingerprint"] == fingerprint(checkpoint)
    assert said["fingerprint of mapping"] == fingerprint_mapping(checkpoint)


def test_width_comes_before_height_and_clamps_are_shown(pico):
    config = dataclasses.replace(pico().config, const_size=(4, 6), conv_clamp=256.0, num_classes=5)
    said = describe(pico(config=config))
    assert said["resolution"] == "24 x 16 px"
    assert said["activations clamped"] == "± 256"
    assert said["classes"] == "5"


def test_what_a_file_does_not_say(pico):
    said = describe(pico())
    assert (said["licence"], said["lineage"], said["also says"]) == ("not said", "not said", "nothing")


def test_networks_and_their_parameters(pico):
    checkpoint = pico()
    assert networks(checkpoint) == ("generator",)
    assert parameters(checkpoint)["mapping"] == 2 * (8 * 8 + 8)  # two layers, weights and biases; no mean w
    more = {"raw.mapping.w_avg": torch.zeros(8), "discriminator.b4.out.bias": torch.zeros(1)}
    full = Checkpoint(checkpoint.config, {**checkpoint.tensors, **more})
    assert networks(full) == ("generator", "generator without moving average", "discriminator")
    assert parameters(full) == {**parameters(checkpoint), "discriminator": 1}


def test_noise_buffers_are_no_parameters(pico):
    checkpoint = pico()
    synthesis = {name: tensor for name, tensor in checkpoint.tensors.items() if name.startswith("synthesis.")}
    buffers = sum(tensor.numel() for name, tensor in synthesis.items() if name.endswith("noise_const"))
    assert buffers == 4 * 4 + 2 * 8 * 8 + 2 * 16 * 16
    assert parameters(checkpoint)["synthesis"] == sum(tensor.numel() for tensor in synthesis.values()) - buffers


def test_a_shipped_name_or_nothing():
    with pytest.raises(UnknownWeights, match="nobody"):
        inspect("nobody")


def test_the_command_prints_the_table(pico, tmp_path, capsys):
    path = tmp_path / "pico.safetensors"
    save(pico(), path)
    assert main.run(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert all(text in out for text in ("16 x 16 px", "4: 8, 8: 6, 16: 4", fingerprint(pico())))
