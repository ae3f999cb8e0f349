"""The encoder: that it learns, in company as alone, from file to file; and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from projector.encoders import Encoder, EncoderConfig, encoder_for, load_encoder, require_family, save_encoder
from projector.encoders.course_files import load_course, save_course
from projector.encoders.files import KEY
from projector.encoders.training import (
    Course,
    EncoderTraining,
    disturbed,
    drawn_styles,
    new_encoder,
    train_encoder,
)
from projector.perceptual import Target
from stylegan2.errors import CheckpointError, InputError, UnknownWeights, WrongGenerator
from stylegan2.generator import Generator
from stylegan2.loading import load_generator
from stylegan2.train.data import Batch, seeded

SIZES = EncoderConfig(num_ws=6, w_dim=8, input_px=16, channels=(8, 8), hidden=16, passes=2)
SHORT = EncoderTraining(kimg=0.032, batch=4)


class Faces:
    """Real crops: pictures that stay, in an order by number."""

    num_classes = 0

    def __init__(self, pictures: Tensor) -> None:
        self.pictures, self.size_px = pictures, pictures.shape[-1]

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, number: int, count: int, seed: int, *, mirror: bool, places: object = None) -> Batch:
        return Batch(self.pictures[[(number * count + i) % len(self) for i in range(count)]], None)

    def labels(self, number: int, count: int, seed: int, stream: int) -> None:
        return None


@pytest.fixture(scope="module")
def generator(pico: Callable[..., object]) -> Generator:
    """A pico generator whose w vary as a trained one's do."""
    checkpoint = pico(3)
    slow = checkpoint.config.lr_multiplier
    tensors = {n: t / slow if n.startswith("mapping.fc") else t for n, t in checkpoint.tensors.items()}
    tensors = {n: 0.1 * t if n.endswith("noise_strength") else t for n, t in tensors.items()}
    return load_generator(replace(checkpoint, tensors=tensors))


@pytest.fixture(scope="module")
def faces(generator: Generator) -> Faces:
    return Faces(generator.synthesis(drawn_styles(generator, 8, seeded(5, 0, 0))).clamp(-1, 1))


def trained(generator: Generator, faces: Faces, config: EncoderTraining = SHORT) -> Course:
    course = Course(new_encoder(generator, SIZES), config)
    for _ in train_encoder(course, faces, generator, None):
        pass
    return course


def awakened(generator: Generator) -> Encoder:
    """One whose answers are not 0, without training."""
    encoder = new_encoder(generator, SIZES)
    torch.nn.init.normal_(encoder.styles.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return encoder.eval().requires_grad_(False)


def test_an_untrained_one_gives_the_mean_face(generator: Generator, faces: Faces) -> None:
    encoder = new_encoder(generator, SIZES)
    w = encoder.encode(faces.pictures, generator)
    assert torch.equal(w, encoder.start(8))
    assert encoder.mapping == generator.mapping_fingerprint


@pytest.mark.slow
def test_it_learns_to_come_nearer(generator: Generator, faces: Faces) -> None:
    course = Course(new_encoder(generator, SIZES), replace(SHORT, kimg=0.8, learning_rate=3e-3, latent=0.1))
    steps = list(train_encoder(course, faces, generator, None))
    assert [step.index for step in steps] == list(range(1, 201))
    target = Target(faces.pictures, None)
    before = target.distance(generator.synthesis(course.average.start(8))).mean()
    once, twice = (target.distance(generator.synthesis(course.average.encode(faces.pictures, generator, n))).mean()
                   for n in (1, 2))  # fmt: skip
    assert once < 0.7 * before
    assert twice < once


def test_no_face_depends_on_its_company(generator: Generator, faces: Faces) -> None:
    encoder = awakened(generator)
    together, alone = encoder.encode(faces.pictures, generator), encoder.encode(faces.pictures[3:4], generator)
    assert not torch.equal(together[3], together[4])
    torch.testing.assert_close(together[3:4], alone, atol=1e-5, rtol=1e-5)


def test_larger_pictures_are_reduced(generator: Generator, faces: Faces) -> None:
    encoder = awakened(generator)
    large = torch.nn.functional.interpolate(faces.pictures, scale_factor=2, mode="nearest")
    reduced = torch.nn.functional.interpolate(large, size=(16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(encoder(large, large), encoder(reduced, reduced))
    assert not torch.allclose(encoder(large, large), encoder(reduced, -reduced), atol=1e-3)


def test_a_run_that_goes_on_gives_the_same_bits(generator: Generator, faces: Faces, tmp_path: Path) -> None:
    whole = trained(generator, faces)
    half = Course(new_encoder(generator, SIZES), SHORT)
    for step in train_encoder(half, faces, generator, None):
        if step.index == 4:
            break
    save_course(half, tmp_path)
    rest = load_course(tmp_path, torch.device("cpu"))
    assert rest.batches == 4
    list(train_encoder(rest, faces, generator, None))
    assert rest.average.mapping == whole.average.mapping
    first = new_encoder(generator, SIZES).state_dict()
    for name, tensor in whole.average.state_dict().items():
        assert torch.equal(tensor, rest.average.state_dict()[name]), name
    assert not torch.equal(first["styles.weight"], whole.average.styles.weight)


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no encoder-state\.pt"):
        load_course(tmp_path, torch.device("cpu"))
    (tmp_path / "encoder-state.pt").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(InputError, match=r"encoder-state\.pt: cannot be read"):
        load_course(tmp_path, torch.device("cpu"))


def test_own_faces_are_pure_or_of_two(generator: Generator) -> None:
    w = drawn_styles(generator, 64, seeded(0, 2, 0))
    different = (w[:, 1:] != w[:, :-1]).any(dim=2).sum(dim=1)  # crossings in each face
    assert set(different.tolist()) == {0, 1}
    assert 16 < int((different == 0).sum()) < 56
    assert torch.equal(w, drawn_styles(generator, 64, seeded(0, 2, 0)))


def test_crops_are_moved_and_lit_by_as_much_as_is_said(faces: Faces) -> None:
    still = EncoderTraining(jitter=0, light=0)
    same = disturbed(faces.pictures, still, seeded(0, 3, 0))
    torch.testing.assert_close(same, faces.pictures, atol=1e-4, rtol=1e-4)
    lit = disturbed(faces.pictures, replace(still, light=0.2), seeded(0, 3, 0))
    flat = torch.zeros(512, 3, 8, 8)
    light = disturbed(flat, replace(still, light=0.2), seeded(0, 3, 0)).mean(dim=[1, 2, 3])
    assert not torch.equal(lit, same)
    assert 0.15 < float(light.std()) < 0.27  # 0.2 in common, and a third of 0.1² beside it
    assert float(disturbed(faces.pictures, EncoderTraining(light=0), seeded(0, 3, 0)).sub(same).abs().mean()) > 0.01


def test_a_file_gives_the_same_encoder_back(generator: Generator, faces: Faces, tmp_path: Path) -> None:
    encoder = awakened(generator)
    path = tmp_path / "e.safetensors"
    save_encoder(encoder, path, {"data": "faces"})
    again = load_encoder(path)
    assert (again.config, again.mapping) == (encoder.config, encoder.mapping)
    w, other = encoder.encode(faces.pictures, generator), again.encode(faces.pictures, generator)
    torch.testing.assert_close(w, other, atol=2e-2, rtol=2e-2)  # fp16 in the file
    assert not torch.equal(w, encoder.start(8))
    first = path.read_bytes()
    save_encoder(again, path, {"data": "faces"})
    assert path.read_bytes() == first


def test_files_that_hold_none_are_refused(tmp_path: Path, generator: Generator) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(
        CheckpointError, match="mtcnn.*no encoder that can be read .its header has no 'blendgan.encoder'"
    ):
        load_encoder("mtcnn")
    with pytest.raises(UnknownWeights, match=r"nor a shipped name \(portraits-encoder\); "):  # no models
        load_encoder(tmp_path / "none.safetensors")
    path.write_bytes(b"<html>")
    with pytest.raises(CheckpointError, match="no encoder.*damaged"):
        load_encoder(path)
    sizes = {"num_ws": 6, "w_dim": 8, "input_px": 16, "channels": [8, 8], "hidden": 16, "passes": 2}
    for config in (sizes, {**sizes, "input_px": 64}, {"num_ws": 6}, 7):
        save_file({"a": torch.zeros(1)}, path, {KEY: json.dumps({"config": config, "mapping": "x"})})
        with pytest.raises(CheckpointError, match="no encoder"):
            load_encoder(path)


def test_an_encoder_of_another_model_is_refused(generator: Generator, pico: Callable[..., object]) -> None:
    encoder = awakened(generator)
    assert require_family(encoder, "e", [generator.mapping_fingerprint, "other"]) is encoder
    with pytest.raises(WrongGenerator, match="e: belongs to the mapping network"):
        require_family(encoder, "e", ["other"])
    with pytest.raises(WrongGenerator, match="gives styles"):
        replaced = Encoder(replace(SIZES, num_ws=4))
        replaced.encode(torch.zeros(1, 3, 16, 16), generator)
    assert encoder_for(iter(["not a mapping"])) is None


def test_sizes_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match="found 64 px and 2 maps, expected 16 px"):
        EncoderConfig(num_ws=6, w_dim=8, input_px=64, channels=(8, 8))
