"""What `inspect` says of a model is what the model is."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from blendgan.cli import main
from blendgan.comparison import kinship_chart, kinship_json
from blendgan.inspection import describe_model, inspect, networks, parameters
from blendgan.kinship import compare
from stylegan2.checkpoints import Checkpoint, fingerprint, fingerprint_mapping, save
from stylegan2.errors import UnknownWeights


def test_sizes_and_papers(pico):
    checkpoint = dataclasses.replace(
        pico(), metadata={"format": "test", "licence": "CC0 1.0", "lineage": {"from": "a"}, "kimg": 4}
    )
    said = describe_model(checkpoint)
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
    said = describe_model(pico(config=config))
    assert said["resolution"] == "24 x 16 px"
    assert said["activations clamped"] == "± 256"
    assert said["classes"] == "5"


def test_what_a_file_does_not_say(pico):
    said = describe_model(pico())
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


@pytest.fixture
def files(pico, tmp_path, monkeypatch):
    """A working directory with a model, a transfer of it, a stranger, and one of another width."""
    monkeypatch.chdir(tmp_path)
    base = pico(0)
    moved = {name: tensor + 0.1 * pico(9).tensors[name] for name, tensor in base.tensors.items()}
    models = {
        "base": base,
        "transfer": dataclasses.replace(base, tensors=moved),
        "stranger": pico(1),
        "wider": pico(1, dataclasses.replace(base.config, w_dim=9)),
    }
    for name, checkpoint in models.items():
        save(checkpoint, tmp_path / f"{name}.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("transfer", ["same family: filters correlate by 0.99", "16 px", "mapping", "no common origin"]),
        ("stranger", ["same architecture only: filters correlate by", "4, 8, 16 px: under 0.1"]),
        ("wider", ["incompatible: mapping.fc1.weight: BASE has shape (8, 8), TRANSFER shape (9, 8) (and", "train"]),
    ],
)
def test_two_models_are_compared_whatever_the_verdict(files, capsys, other, words):
    assert main.run(["inspect", "base.safetensors", f"{other}.safetensors", "--plot", "chart.png"]) == 0
    out, err = capsys.readouterr()
    assert all(text in out for text in words)
    assert (files / "chart.png").exists() == (other != "wider")
    assert ("not drawn" in err) == (other == "wider")


def test_the_comparison_as_json(files, capsys):
    assert main.run(["inspect", "base.safetensors", "transfer.safetensors", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["base"], said["verdict"]) == ("base.safetensors", "same family")
    assert [row["resolution"] for row in said["rows"]] == [None, 4, 8, 16]
    assert all(0.05 < row["distance"] < 0.2 and 0.9 < row["correlation"] < 1 for row in said["rows"])
    assert said["thresholds"] == {"fails_below": 0.1, "works_from": 0.689}


def test_json_has_no_numbers_that_are_none(pico):
    checkpoint = pico()
    zeros = {name: torch.zeros_like(tensor) for name, tensor in checkpoint.tensors.items()}
    blank = dataclasses.replace(checkpoint, tensors=zeros)
    assert [row["distance"] for row in kinship_json(compare(blank, checkpoint))["rows"]] == [None] * 4


def test_one_model_as_json(files, capsys):
    assert main.run(["inspect", "base.safetensors", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["resolution"] == "16 x 16 px"


def test_the_chart_has_a_line_for_each_column_of_the_table(pico):
    kinship = compare(pico(0), pico(1))
    chart = kinship_chart(kinship, "title")
    assert [line.name for line in chart.lines] == ["correlation", "change of weights"]
    assert chart.lines[1].points == tuple((row.resolution, row.distance) for row in kinship.rows[1:])
    assert sorted(chart.marks.values()) == [0.1, 0.689]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["base.safetensors", "--plot", "chart.png"], "found one model, expected two"),
        (["base.safetensors", "transfer.safetensors", "--plot", "chart.jpg"], "found the ending '.jpg'"),
        (["base.safetensors", "nobody"], "nobody"),
        (["base.safetensors", "broken.pkl"], "broken.pkl"),
    ],
)
def test_what_cannot_be_compared_is_one_line(files, capsys, arguments, words):
    (files / "broken.pkl").write_bytes(b"<html>")
    assert main.run(["inspect", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
