"""--tune and --video from photo to files, with pico models and the public-domain portrait."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.cli.main import run
from blendgan.personal import with_change
from blendgan.projection import draw
from blendgan.samples import write_portrait
from blendgan.toonification import open_studio
from projector.change_files import load_change
from projector.latent import load_latent
from stylegan2.checkpoints import Checkpoint, expected_shapes
from stylegan2.config import DiscriminatorConfig, GeneratorConfig

CONFIG = GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8)
D_CONFIG = DiscriminatorConfig(16, (8, 6, 4))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options that name BASE and a TRANSFER of the same mapping network."""
    folder = tmp_path_factory.mktemp("models")
    random = torch.Generator().manual_seed(0)
    shapes = sorted(expected_shapes(CONFIG, D_CONFIG).items())
    base = {name: torch.randn(shape, generator=random) for name, shape in shapes}
    other = {n: t + 0.5 * torch.randn(t.shape, generator=random) for n, t in base.items() if n.startswith("synthesis.")}
    for name, tensors in (("base", base), ("transfer", base | other)):
        Checkpoint(CONFIG, tensors, {"format": "test"}, D_CONFIG).save(folder / f"{name}.safetensors")
    return ["--base", str(folder / "base.safetensors"), "--transfer", str(folder / "transfer.safetensors")]


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    write_portrait(path)
    return path


def test_toonify_tunes_and_writes_the_change(models: list[str], portrait: Path, tmp_path: Path) -> None:
    words = ["toonify", str(portrait), *models, "--alpha", "0.5", "--steps", "3", "--quiet", "--outdir"]
    assert run([*words, str(tmp_path / "plain")]) == 0
    assert run([*words, str(tmp_path / "tuned"), "--tune", "5"]) == 0
    change_file = tmp_path / "tuned" / "photo.toon.tune.safetensors"
    assert change_file.exists()
    assert not list((tmp_path / "plain").glob("*.safetensors"))
    plain, tuned = (np.asarray(Image.open(tmp_path / name / "photo.toon.png")) for name in ("plain", "tuned"))
    assert not np.array_equal(plain, tuned)

    studio = open_studio(models[1], models[3], encoder="none")
    latent = load_latent(tmp_path / "tuned" / "photo.toon.npz")
    with_it = with_change(studio, load_change(change_file, studio.base))
    for ours, without in ((with_it.base, studio.base), (with_it.blended, studio.blended)):
        assert not torch.equal(draw(ours, latent), draw(without, latent))


def test_a_change_moves_base_and_blend_alike(models: list[str]) -> None:
    studio = open_studio(models[1], models[3], encoder="none")
    change = {"synthesis.b8.conv0.bias": torch.full([6], 0.25)}
    moved = with_change(studio, change)
    for ours, before in ((moved.base, studio.base), (moved.blended, studio.blended)):
        weights, old = ours.state_dict(), before.state_dict()
        torch.testing.assert_close(weights["synthesis.b8.conv0.bias"], old["synthesis.b8.conv0.bias"] + 0.25)
        assert all(torch.equal(weights[n], old[n]) for n in old if n != "synthesis.b8.conv0.bias")
    assert with_change(studio, {}) is studio


def test_project_tunes_and_films(models: list[str], portrait: Path, tmp_path: Path) -> None:
    words = ["project", str(portrait), "--network", models[1], "--quiet", "-o", str(tmp_path / "me.npz")]
    search = ["--steps", "4", "--lbfgs", "3", "--focus", "0.5", "--loss", "pixels=1"]
    assert run([*words, *search, "--tune", "3", "--video", str(tmp_path / "me.webp")]) == 0
    assert load_latent(tmp_path / "me.npz").w.shape == (1, 6, 8)
    assert (tmp_path / "me.projected.png").exists()
    assert (tmp_path / "me.tune.safetensors").exists()
    with Image.open(tmp_path / "me.webp") as film:
        assert film.n_frames > 1
        assert film.size[0] > 2 * 128


def test_project_names_what_is_wrong(
    models: list[str], portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["project", str(portrait), "--network", models[1], "-o", str(tmp_path / "me.npz"), "--steps", "2"]
    for extra, message in {
        ("--loss", "taste=1"): "expected one of features, pixels, lpips",
        ("--loss", "pixels"): "expected NAME=WEIGHT",
        ("--focus", "2"): "2",
        ("--video", str(tmp_path / "film.avi")): "found the ending '.avi'",
        ("--tune", "0"): "0",
    }.items():
        assert run([*words, *extra]) == 2
        assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (tmp_path / "me.tune.safetensors").write_bytes(b"")
    assert run([*words, "--tune", "2"]) == 2
    assert "is there already; replace it with --force" in capsys.readouterr().err
