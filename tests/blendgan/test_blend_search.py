"""The search measures what it says: 0 for BASE, 1 for TRANSFER on the mean; its knee is what toonify then draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan import recipe
from blendgan.blend_search import STYLE_PSI, STYLE_SAMPLES, BlendSearcher, candidates, refinements
from blendgan.blending import blend_models
from blendgan.cli.main import run
from blendgan.front_sheet import HEIGHT_PX, MOST_PICTURES, shown
from blendgan.images import read_metadata
from blendgan.projection import draw
from blendgan.recipe import recipe_of
from blendgan.rendering import Setting, renderer_of
from blendgan.samples import write_portrait
from blendgan.schedule import Layers, Sigmoid, Swap, Uniform
from blendgan.sources import Source, open_source
from projector.latent import Latent
from stylegan2.checkpoints import Checkpoint, expected_shapes, fingerprint_mapping
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.loading import load_generator

CONFIG = GeneratorConfig(16, (8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8)
D_CONFIG = DiscriminatorConfig(16, (8, 6, 4))


def checkpoint(seed: int, judge: DiscriminatorConfig | None, metadata: dict[str, object] | None = None) -> Checkpoint:
    random = torch.Generator().manual_seed(seed)
    shapes = expected_shapes(CONFIG, judge)
    tensors = {name: torch.randn(shape, generator=random) for name, shape in sorted(shapes.items())}
    return Checkpoint(CONFIG, tensors, {"format": "test", **(metadata or {})}, judge)


@pytest.fixture(scope="module")
def sources() -> tuple[Source, Source]:
    return open_source(checkpoint(0, D_CONFIG)), open_source(checkpoint(1, None))


@pytest.fixture(scope="module")
def searcher(sources: tuple[Source, Source]) -> BlendSearcher:
    return BlendSearcher(sources, recipe_of(Swap(8, "high")), torch.device("cpu"))


@pytest.fixture
def latent(searcher: BlendSearcher) -> Latent:
    ws = renderer_of(searcher.base, Setting(0.7)).styles_of([3, 4])
    return Latent(ws, searcher.base.mapping_fingerprint)


def test_style_is_0_for_base_and_1_for_transfer_on_the_mean(searcher: BlendSearcher) -> None:
    ws = renderer_of(searcher.base, Setting(STYLE_PSI)).styles_of(range(STYLE_SAMPLES))
    latents = Latent(ws, searcher.base.mapping_fingerprint)
    before = draw(searcher.base, latents)
    after = draw(searcher.renderer(Uniform(1.0)).generator, latents)
    torch.testing.assert_close(searcher.axis.of(after, before).mean(), torch.tensor(1.0), rtol=1e-4, atol=1e-4)
    assert searcher.axis.of(before, before).abs().max() == 0


def test_every_schedule_is_measured_and_base_is_the_near_end(searcher: BlendSearcher, latent: Latent) -> None:
    found = searcher.search(latent)
    tried = {point.schedule for point in found.points}
    assert tried >= set(candidates(CONFIG.resolutions))
    near = found.front[0]
    assert (near.schedule, near.distance, near.style) == (Uniform(0.0), 0.0, 0.0)
    assert found == searcher.search(latent)


def test_of_several_faces_the_mean_counts(searcher: BlendSearcher, latent: Latent) -> None:
    both = {p.schedule: p for p in searcher.search(latent).points}
    each = [{p.schedule: p for p in searcher.search(Latent(w[None], latent.mapping)).points} for w in latent.w]
    for schedule in candidates(CONFIG.resolutions):
        assert both[schedule].distance == pytest.approx(np.mean([one[schedule].distance for one in each]), rel=1e-4)
        assert both[schedule].style == pytest.approx(np.mean([one[schedule].style for one in each]), rel=1e-3, abs=1e-4)


def test_the_best_is_the_knee_s_blend(searcher: BlendSearcher, sources: tuple[Source, Source], latent: Latent) -> None:
    knee = searcher.search(latent).knee.schedule
    best = searcher.best(latent)
    assert best.recipe.schedule == knee
    alone = load_generator(blend_models(sources, searcher.recipe_of(knee)))
    assert torch.equal(draw(best.generator, latent), draw(alone, latent))
    assert best.sheet.height > HEIGHT_PX


def test_the_shipped_styles_come_in_order() -> None:
    pair = [open_source(name) for name in ("portraits", "paintings")]
    searcher = BlendSearcher(pair, recipe_of(Uniform(1.0)), torch.device("cpu"))
    latents = Latent(renderer_of(searcher.base, Setting(0.6)).styles_of([100, 101, 102]), "")
    before = draw(searcher.base, latents)
    swaps = [Uniform(1.0), *(Swap(resolution, "high") for resolution in (8, 32, 64)), Uniform(0.0)]
    styles = [float(searcher.axis.of(draw(searcher.renderer(s).generator, latents), before).mean()) for s in swaps]
    assert styles[1:] == sorted(styles[1:], reverse=True)
    assert styles[0] == pytest.approx(styles[1], rel=0.2)  # above 8 px all of the paint is there
    assert styles[0] > 2 * styles[3] > 0


def test_both_ends_and_the_knee_are_shown(searcher: BlendSearcher, latent: Latent) -> None:
    found = searcher.search(latent)
    points = shown(found)
    assert {found.front[0], found.knee, found.front[-1]} <= set(points)
    assert len(points) == min(MOST_PICTURES, len(found.front))
    assert list(points) == [point for point in found.front if point in points]


def test_refinements_are_neighbours() -> None:
    weaker = refinements(Uniform(0.5), CONFIG.resolutions)
    assert [one.alpha(8) for one in weaker] == pytest.approx([0.3, 0.4, 0.45])
    softer = refinements(Sigmoid(8, 1.0, "low"), CONFIG.resolutions)[-2:]
    assert softer == [Sigmoid(8, 0.5, "low"), Sigmoid(8, 1.5, "low")]
    assert Sigmoid(8, 0.25, "high") in refinements(Swap(8, "high"), CONFIG.resolutions)
    assert refinements(Layers((1.0, 0.0)), CONFIG.resolutions) == []


def test_what_cannot_be_searched_is_one_line(sources: tuple[Source, Source]) -> None:
    bare = open_source(checkpoint(0, None))
    with pytest.raises(InputError, match="no model's file has a discriminator"):
        BlendSearcher((bare, sources[1]), recipe_of(Swap(8)), torch.device("cpu"))
    with pytest.raises(InputError, match="auto: found 2 TRANSFERs, expected one"):
        BlendSearcher((*sources, bare), recipe_of(Swap(8)), torch.device("cpu"))


def test_toonify_takes_the_knee(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = checkpoint(0, D_CONFIG)
    lineage = {"transfer": {"mapping_fingerprint": fingerprint_mapping(base)}}
    base.save(tmp_path / "base.safetensors")
    checkpoint(1, None, {"lineage": lineage}).save(tmp_path / "transfer.safetensors")
    write_portrait(tmp_path / "photo.jpg")
    models = ["--base", str(tmp_path / "base.safetensors"), "--transfer", str(tmp_path / "transfer.safetensors")]
    words = ["toonify", str(tmp_path / "photo.jpg"), *models, "--steps", "2"]
    assert run([*words, "--auto"]) == 0
    assert f"{tmp_path / 'photo.toon.front.png'}\n" in capsys.readouterr().out
    with Image.open(tmp_path / "photo.toon.front.png") as front:
        assert front.height > HEIGHT_PX
    said = read_metadata(tmp_path / "photo.toon.png")["blendgan"]
    assert f'"{recipe.KEY}"' in said
    assert run([*words, "--auto", "--tune", "1", "-o", str(tmp_path / "mine.png"), "--quiet"]) == 0
    assert run(["toonify", "--again", str(tmp_path / "mine.png"), "--quiet"]) == 0
    names = ("mine.again.strip.png", "mine.strip.png", "photo.toon.strip.png")
    again, mine, untuned = (np.asarray(Image.open(tmp_path / name)) for name in names)
    np.testing.assert_array_equal(again, mine)  # by the knee's recipe, and the change
    assert not np.array_equal(mine, untuned)
    assert run([*words, "--auto", "--swap-res", "8"]) == 2
    assert "--auto looks for the schedule itself; leave out --swap-res" in capsys.readouterr().err
