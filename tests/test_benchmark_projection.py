"""The projection's benchmark: its methods keep to their budgets, its tables say what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from blendgan.faces import WHOLE
from blendgan.projection import Finder
from blendgan.recipe import recipe_of
from blendgan.samples import write_portrait
from blendgan.schedule import Uniform
from blendgan.toonification import Studio
from projector.curvature import curvature_of
from stylegan2.checkpoints import Checkpoint
from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.loading import load_generator

ROOT = Path(__file__).resolve().parent.parent


class PlainRecogniser:
    """Tells pictures apart by their mean difference: what the tables do with distances does not depend on whose."""

    def distance(self, one: np.ndarray, other: np.ndarray) -> float:
        pair = [np.asarray(Image.fromarray(each).resize((16, 16)), np.float64) for each in (one, other)]
        return float(np.abs(pair[0] - pair[1]).mean())


class HalfWay:
    """An encoder that answers with one w for every picture."""

    def encode(self, pictures: torch.Tensor, generator: torch.nn.Module) -> torch.Tensor:
        return torch.full([len(pictures), generator.config.num_ws, generator.config.w_dim], 0.5)


@pytest.fixture
def studio(pico: Callable[..., Checkpoint]) -> Studio:
    generator, blended = load_generator(pico(0)), load_generator(pico(0))
    for weight in blended.synthesis.parameters():
        weight.mul_(0.9)
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        discriminator = Discriminator(DiscriminatorConfig(16, (8, 6, 4))).requires_grad_(False)
    width = generator.config.num_ws * generator.config.w_dim
    gradients = torch.randn([8, width], generator=torch.Generator().manual_seed(0))
    finder = Finder(generator, discriminator, HalfWay(), curvature_of(gradients))  # type: ignore[arg-type]
    return Studio(finder, blended, recipe_of(Uniform(0.5)))


@pytest.fixture
def steady(benchmark, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Every method's step is taken to need 5 s: no clock decides how many are made."""
    methods = benchmark("projection_methods")
    monkeypatch.setattr(methods, "pace_of", lambda work: methods.Pace(0.0, 5.0))


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    write_portrait(tmp_path / "portrait.png")
    return tmp_path / "portrait.png"


@pytest.mark.usefixtures("steady")
def test_the_methods_are_those_that_the_program_has(benchmark, studio: Studio, portrait: Path) -> None:  # type: ignore[no-untyped-def]
    methods = benchmark("projection_methods")
    searches = methods.searches_for(studio.finder)
    assert list(searches) == ["W", "W+", "W+ and noise", "W+, curvature", "encoder, refined"]
    assert searches["encoder, refined"].config == studio.finder.config
    assert searches["W+, curvature"].config == replace(studio.finder, encoder=None).config
    assert [name for name, search in searches.items() if search.finder.curvature] == list(searches)[3:]
    plain = replace(studio.finder, encoder=None, curvature=None)
    subject = methods.subject_of(portrait, studio)
    assert list(methods.methods_for(plain, subject)) == ["W", "W+", "W+ and noise", "W+ and noise, tuned"]


@pytest.mark.usefixtures("steady")
def test_without_time_for_a_step_a_method_gives_what_it_has(benchmark, studio: Studio, portrait: Path) -> None:  # type: ignore[no-untyped-def]
    methods = benchmark("projection_methods")
    subject = methods.subject_of(portrait, studio)
    found = {name: method(subject, 1e-9) for name, method in methods.methods_for(studio.finder, subject).items()}
    mean = methods.mean_face(studio.base)
    for name, one in found.items():
        expected = torch.full_like(mean, 0.5) if name.startswith("encoder") else mean
        torch.testing.assert_close(one.latent.w, expected)
        assert not one.change
    tuned = methods.methods_for(studio.finder, subject)["W+, curvature, tuned"](subject, 20.0)
    assert any(delta.abs().max() > 0 for delta in tuned.change.values())
    assert not torch.equal(tuned.latent.w, mean)


def test_a_search_stops_when_its_time_is_over(benchmark, studio: Studio, portrait: Path) -> None:  # type: ignore[no-untyped-def]
    methods = benchmark("projection_methods")
    subject = methods.subject_of(portrait, studio)
    search = methods.searches_for(studio.finder)["encoder, refined"]
    at_once = search.latent(subject.crop, 10_000_000, until=0.0)  # would take days
    torch.testing.assert_close(at_once.w, torch.full_like(at_once.w, 0.5))
    assert not torch.equal(search.latent(subject.crop, 5).w, at_once.w)


def test_pace_says_how_many_steps_fit(benchmark, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    methods, clock = benchmark("projection_methods"), [0.0]
    monkeypatch.setattr(methods.time, "perf_counter", lambda: clock[0])
    measured = methods.pace_of(lambda steps: clock.append(clock.pop() + 0.5 + 0.25 * steps))
    assert measured == methods.Pace(0.5, 0.25)
    pace = methods.Pace(before=0.1, step=0.2)
    assert [pace.steps(budget) for budget in (0.05, 0.29, 0.31, 1.0)] == [0, 0, 1, 4]
    assert pace.seconds(4) == pytest.approx(0.9)


def test_crops_have_no_redrawn_photo_and_long_budgets_fewer_faces(
    benchmark, studio: Studio, portrait: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    projection, figures, methods = (benchmark(f"projection{name}") for name in ("", "_figures", "_methods"))
    measured = figures.Bench(studio, PlainRecogniser())
    photo, crop = methods.subject_of(portrait, studio), methods.subject_of(portrait, studio, WHOLE)
    again = replace(crop, name="again")
    works = {"W+": lambda subject, _: methods.Found(bench_latent(methods, studio), 0.25)}
    results = projection.measure(measured, works, [crop, again], (0.3, 20.0), long_faces=1)
    assert {case: list(found) for case, found in results.items()} == {
        ("W+", 0.3): ["portrait", "again"],
        ("W+", 20.0): ["portrait"],
    }
    assert figures.figures_in(results) == ["pixels", "features", "identity"]
    text = projection.report({"Crops": results})
    assert "| W+ | 20 s | 1 | 0.25 s |" in text
    assert "redrawn" not in text
    assert "LPIPS" not in text
    with_lpips = replace(measured, lpips=lambda x, y: (x - y).abs().mean()[None])
    photos = projection.measure(with_lpips, works, [photo], (0.3,))
    assert figures.figures_in(photos) == list(figures.COLUMNS)
    assert projection.sheet(again, results).width < projection.sheet(crop, results).width


def bench_latent(methods: ModuleType, studio: Studio):  # type: ignore[no-untyped-def]
    return methods.Latent(methods.mean_face(studio.base), studio.base.mapping_fingerprint)


def test_ratios_take_the_best_of_optimisation_and_faces_that_had_both(benchmark) -> None:  # type: ignore[no-untyped-def]
    figures = benchmark("projection_figures")

    def results(**pixels: float) -> dict[str, object]:
        return {face: figures.Result(1.0, {"pixels": value}, ()) for face, value in pixels.items()}

    found = {
        ("W", 1.0): results(a=2.0, b=3.0, c=10.0),
        ("W+, curvature", 1.0): results(a=4.0, b=4.0, c=4.0),
        ("W+, curvature, tuned", 1.0): results(a=0.1, b=0.1, c=0.1),  # no optimisation alone
        ("encoder, refined", 1.0): results(a=1.0, b=1.0, c=4.0),
        ("W", 20.0): results(a=2.0),
        ("encoder, refined", 20.0): results(a=0.5),
    }
    heads, _, row = figures.ratios(found).splitlines()
    assert heads == "| figure | 1 s | 20 s | 1 s / 20 s |"
    assert row == "| pixels | 0.50 (0.33) of W+, curvature | 0.25 (0.25) of W | 2.00 (2.00), over 1 |"
    assert "| encoder, refined | 1 s | 3 | 1.00 s | 2.000 (1.000) |" in figures.table(found)
    joined = figures.together({"x": found, "y": found})
    assert list(joined["W", 20.0]) == ["x: a", "y: a"]


def test_crops_are_the_last_of_each_so_many(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    projection = benchmark("projection")
    for i in range(20):
        (tmp_path / f"{i:02}.jpg").touch()
    (tmp_path / "index.csv").touch()
    assert [file.stem for file in projection.held_out(tmp_path, 5, 10)] == ["04", "09", "14", "19"]
    assert [file.stem for file in projection.held_out(tmp_path, 5, 2)] == ["04", "14"]
    with pytest.raises(InputError, match="found no crop to take, expected at least 50 files"):
        projection.held_out(tmp_path, 50, 10)


def test_tiles_must_show_each_face_once(benchmark, portrait: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    times = benchmark("toonify_time")
    with Image.open(times.tiled([portrait], tmp_path / "one.png")) as one:
        assert one.size == (times.SIDE * times.TILE_PX,) * 2
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match=r"many.png: found 1 faces, expected 2"):
        times.tiled([portrait, tmp_path / "black.png"], tmp_path / "many.png")
    with pytest.raises(InputError, match=r"photo_01.jpg: not there"):
        times.table(tmp_path, None, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--photos", "nowhere", "--likeness", "x"], "nowhere: found no photos"),
        (["--budgets", "0"], "2"),
        (["--every", "0"], "2"),
    ],
)
def test_wrong_words_are_told_in_a_line(benchmark, words: list[str], said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit, match=said):
        benchmark("projection").main([*words, "--threads", "1"])
