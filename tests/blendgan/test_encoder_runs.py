"""`blendgan train-encoder` from data to a file that project and toonify start from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from blendgan.cli.main import run
from blendgan.encoder_runs import ENCODER_FILE, LOG_FILE, sizes_for
from blendgan.projection import chosen_encoder
from projector.encoders import load_encoder
from projector.latent import load_latent
from stylegan2.checkpoints import Checkpoint
from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError, WrongGenerator
from stylegan2.loading import load_generator


@pytest.fixture
def place(tmp_path: Path, monkeypatch, pico, write_pictures) -> Path:
    """A working directory with a model, model.safetensors, and a folder of pictures, faces."""
    monkeypatch.chdir(tmp_path)
    pico(3).save("model.safetensors")
    write_pictures(tmp_path / "faces", 4, 16)
    return tmp_path


def train(*words: str) -> int:
    always = "train-encoder --network model.safetensors --data faces --device cpu --quiet".split()
    return run([*always, *words])


def begin(*words: str) -> int:
    return train("--outdir", "run", "--batch", "4", *words)


def test_a_run_leaves_an_encoder_that_project_starts_from(place: Path, capsys) -> None:
    assert begin("--kimg", "0.02", "--snap", "2") == 0
    encoder = load_encoder(place / "run" / ENCODER_FILE)
    assert encoder.config.num_ws == 6
    lines = [json.loads(line) for line in (place / "run" / LOG_FILE).read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.02]
    words = "project faces/0.png --aligned --network model.safetensors --device cpu --quiet".split()
    assert run([*words, "--encoder", f"run/{ENCODER_FILE}", "--steps", "0", "-o", "near.npz"]) == 0
    assert run([*words, "--encoder", "none", "--steps", "1", "-o", "far.npz"]) == 0
    near = load_latent("near.npz")
    assert near.metadata["encoder"] is True
    assert load_latent("far.npz").metadata["encoder"] is False
    assert near.w[0].std(dim=0).mean() > 0  # a style for each layer


def test_a_run_goes_on(place: Path, capsys) -> None:
    assert begin("--kimg", "0.008") == 0
    first = (place / "run" / ENCODER_FILE).read_bytes()
    assert train("--resume", "run", "--kimg", "0.016") == 0
    assert (place / "run" / ENCODER_FILE).read_bytes() != first
    assert [json.loads(line)["kimg"] for line in (place / "run" / LOG_FILE).read_text().splitlines()] == [0.008, 0.016]
    assert train("--resume", "run", "--lr", "0.1") == 2
    assert "a resumed run keeps the numbers" in capsys.readouterr().err
    assert begin() == 2
    assert "holds a run already" in capsys.readouterr().err


def test_what_cannot_be_trained_is_one_line(place: Path, capsys, pico: Callable[..., object]) -> None:
    assert train("--kimg", "1") == 2
    assert "--outdir is missing" in capsys.readouterr().err
    assert begin("--kimg", "0.004") == 0
    pico(4).save("other.safetensors")
    words = "train-encoder --network other.safetensors --data faces --resume run --device cpu".split()
    assert run(words) == 2
    assert "name the model that the run was begun with" in capsys.readouterr().err
    words = "project faces/0.png --aligned --network other.safetensors --device cpu --encoder".split()
    assert run([*words, f"run/{ENCODER_FILE}"]) == 2
    assert "belongs to the mapping network" in capsys.readouterr().err
    assert run([*words, "model.safetensors"]) == 2
    assert "holds no encoder" in capsys.readouterr().err


def test_the_shipped_model_has_its_encoder_and_strangers_none(pico: Callable[..., object]) -> None:
    shipped = chosen_encoder(None, load_generator("portraits"))
    assert shipped is not None
    assert chosen_encoder("none", load_generator("portraits")) is None
    assert chosen_encoder(None, load_generator(pico(0))) is None


def test_a_shipped_encoder_that_does_not_fit_is_left_aside(pico: Callable[..., Checkpoint]) -> None:
    shipped = chosen_encoder(None, load_generator("portraits"))
    assert shipped is not None
    grown = load_generator(pico(0))
    grown.metadata = {"lineage": {"transfer": {"mapping_fingerprint": shipped.mapping}}}
    assert chosen_encoder(None, grown) is None
    with pytest.raises(WrongGenerator, match="gives styles"):
        chosen_encoder("portraits-encoder", grown)


def test_sizes_follow_the_generator(pico: Callable[..., object]) -> None:
    sizes = sizes_for(load_generator(pico(0)))
    assert (sizes.input_px, sizes.channels, sizes.num_ws, sizes.w_dim) == (16, (128, 256), 6, 8)
    portraits = sizes_for(load_generator("portraits"))
    assert (portraits.input_px, portraits.channels) == (64, (32, 64, 128, 256))
    with pytest.raises(InputError, match="expected square"):
        sizes_for(load_generator(pico(0, _wide())))


def _wide() -> GeneratorConfig:
    return GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, const_size=(4, 8))


def test_torch_is_not_asked_for_global_random_numbers(place: Path) -> None:
    before = torch.random.get_rng_state()
    assert begin("--kimg", "0.004") == 0
    torch.testing.assert_close(torch.random.get_rng_state(), before)
