"""--tune and --video from photo to files, with pico models and the public-domain portrait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.blending import blend_models
from blendgan.cli.main import run
from blendgan.masks import Mask
from blendgan.personal import with_change
from blendgan.projection import draw
from blendgan.recipe import recipe_of
from blendgan.samples import write_portrait
from blendgan.schedule import Table, Uniform
from blendgan.sources import open_source
from blendgan.spatial import Masking
from blendgan.toonification import open_studio
from projector.change_files import load_change
from projector.latent import load_latent
from stylegan2.checkpoints import Checkpoint, expected_shapes, load
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.loading import load_generator, sample_w

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

    studio = open_studio(models[1], models[3], recipe_of(Uniform(0.5)), encoder="none")
    latent = load_latent(tmp_path / "tuned" / "photo.toon.npz")
    with_it = with_change(studio, load_change(change_file, studio.base))
    for ours, without in ((with_it.base, studio.base), (with_it.blended, studio.blended)):
        assert not torch.equal(draw(ours, latent), draw(without, latent))


def test_the_blend_takes_its_share_of_the_change(models: list[str]) -> None:
    """As if the tuned BASE had been blended."""
    recipe = recipe_of(Table({4: 0.0, 8: 0.25, 16: 1.0}))
    studio = open_studio(models[1], models[3], recipe, encoder="none")
    draw = torch.Generator().manual_seed(0)
    names = [name for name, _ in studio.base.synthesis.named_parameters()]
    change = {
        f"synthesis.{n}": torch.randn(studio.base.synthesis.get_parameter(n).shape, generator=draw) for n in names
    }
    moved = with_change(studio, change)
    base = load(models[1])
    tuned = {n: t + change[n] if n in change else t for n, t in base.tensors.items()}
    sources = open_source(replace(base, tensors=tuned)), open_source(models[3])
    expected = load_generator(blend_models(sources, recipe)).state_dict()
    for name, tensor in moved.blended.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-5, rtol=1e-5)
    assert torch.equal(moved.base.state_dict()["synthesis.b16.torgb.weight"], tuned["synthesis.b16.torgb.weight"])
    assert with_change(studio, {}) is studio


def test_a_mask_keeps_the_tuned_base_where_it_is_black(models: list[str]) -> None:
    mask = Masking(Mask("flat", np.zeros((4, 4), np.uint16)))
    studio = open_studio(models[1], models[3], recipe_of(Uniform(0.5)), masking=mask, encoder="none")
    moved = with_change(studio, {"synthesis.b8.conv0.bias": torch.full([6], 0.25)})
    w = sample_w(studio.base, 1, 0)[:, None].repeat(1, 6, 1)
    torch.testing.assert_close(moved.blended.synthesis(w), moved.base.synthesis(w))
    assert not torch.equal(moved.base.synthesis(w), studio.base.synthesis(w))


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
