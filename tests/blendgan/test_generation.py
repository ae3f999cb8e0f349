"""Pictures from seeds: one source of noise for each seed, classes, and what a picture says of itself."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

import blendgan
from blendgan.cli import main
from blendgan.generation import Drawing, generate
from blendgan.images import read_metadata, to_uint8
from blendgan.papers import METADATA_KEY
from blendgan.rendering import latent_of
from stylegan2 import load_generator
from stylegan2.checkpoints import fingerprint, save
from stylegan2.errors import UnknownWeights


@pytest.fixture(scope="module")
def model(pico, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "pico.safetensors"
    save(pico(seed=3), path)
    return str(path)


def test_a_picture_is_what_the_network_gives(model):
    (picture,) = generate(Drawing(model, (7,), truncation_psi=0.5))
    generator = load_generator(model)
    expected = generator.synthesis(generator.mapping(latent_of(7, 8), truncation_psi=0.5))
    torch.testing.assert_close(picture.image, expected, atol=1e-5, rtol=1e-5)  # with gradients, sums take another order
    assert picture.image.shape == (1, 3, 16, 16)
    assert picture.filename == "seed0007.png"


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_a_seed_is_the_same_in_any_company(model, noise_mode):
    alone = list(generate(Drawing(model, (5,), noise_mode=noise_mode)))
    among = list(generate(Drawing(model, (9, 5, 1), noise_mode=noise_mode)))
    assert torch.equal(alone[0].image, among[1].image)
    assert not torch.equal(among[0].image, among[1].image)


def test_noise_modes_differ(model):
    pictures = [next(generate(Drawing(model, (5,), noise_mode=mode))).image for mode in ("const", "random", "none")]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_psi_0_is_the_mean_face_whatever_the_seed(model):
    first, second = generate(Drawing(model, (1, 2), truncation_psi=0.0))
    assert torch.equal(first.image, second.image)


def test_a_class_changes_the_picture(pico, tmp_path):
    path = tmp_path / "classes.safetensors"
    save(pico(seed=3, config=dataclasses.replace(pico().config, num_classes=3)), path)
    first, second = (next(generate(Drawing(str(path), (0,), class_index=i))).image for i in (0, 2))
    assert not torch.equal(first, second)


def test_no_such_model():
    with pytest.raises(UnknownWeights, match="nowhere: neither an existing file nor a shipped name"):
        next(generate(Drawing("nowhere", (0,))))


def test_the_command_writes_pictures_that_say_how_they_were_made(model, pico, tmp_path, capsys):
    folder = tmp_path / "new" / "out"
    arguments = ["generate", "--network", model, "--seeds", "3,42", "--trunc", "0.7", "--outdir", str(folder)]
    assert main.run(arguments) == 0
    assert capsys.readouterr().out.split() == [str(folder / "seed0003.png"), str(folder / "seed0042.png")]
    (expected,) = generate(Drawing(model, (42,), truncation_psi=0.7))
    with Image.open(folder / "seed0042.png") as picture:
        assert np.array_equal(np.asarray(picture), to_uint8(expected.image)[0])
    said = json.loads(read_metadata(folder / "seed0042.png")[METADATA_KEY])
    assert (said["seed"], said["truncation_psi"], said["version"]) == (42, 0.7, blendgan.__version__)
    assert said["models"] == [{"name": "pico.safetensors", "fingerprint": fingerprint(pico(seed=3))}]


def test_the_same_command_gives_the_same_bytes_and_can_be_silent(model, tmp_path, capsys):
    for name in ("a", "b"):
        arguments = ["generate", "--network", model, "--seeds", "1", "--outdir", str(tmp_path / name)]
        assert main.run([*arguments, "--no-metadata", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "a" / "seed0001.png").read_bytes() == (tmp_path / "b" / "seed0001.png").read_bytes()
    assert read_metadata(tmp_path / "a" / "seed0001.png") == {}


def test_a_latent_takes_no_options_of_seeds(model, tmp_path, capsys):
    words = ["generate", "--network", model, "--latent", "face.npz", "--outdir", str(tmp_path / "out")]
    assert main.run([*words, "--trunc", "0.7", "--seeds", "0-15"]) == 2  # the defaults too: they were said
    assert capsys.readouterr().err == (
        "blendgan: --latent draws its faces as they were found; leave out --seeds, --trunc "
        "(see blendgan generate --help)\n"
    )
    assert main.run([*words, "--class", "0", "--noise-mode", "none", "--precision", "bf16"]) == 2
    assert "leave out --class, --noise-mode, --precision (" in capsys.readouterr().err
    assert main.run(words) == 2
    assert "leave out" not in capsys.readouterr().err


def test_a_folder_that_is_a_file_is_one_line(model, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert main.run(["generate", "--network", model, "--outdir", str(tmp_path / "file" / "out")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("blendgan: ")
    assert err.count("\n") == 1
