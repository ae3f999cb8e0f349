"""Tables of figures: models and folders against data, and the cache of real features."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from blendgan import evaluation as module
from blendgan.evaluation import Evaluation, evaluate
from blendgan.feature_cache import FeatureCache
from blendgan.images import to_pictures
from stylegan2.checkpoints import load
from stylegan2.errors import InputError
from stylegan2.loading import load_generator
from stylegan2.train.metric_networks import open_networks
from stylegan2.train.metric_samples import Sampling, draw, latents

HISTORY = Path(__file__).resolve().parents[2] / "weights" / "history"  # in the checkout; wheels go without it

NAMES = ("dfd", "dkd", "d-precision", "d-recall")
SAMPLING = Sampling(num=24, batch=8)


def write_pictures(folder: Path, checkpoint, count: int = 24) -> Path:
    """Pictures that a model draws, by another seed than the metrics do."""
    folder.mkdir(parents=True)
    drawn = torch.cat(list(draw(load_generator(checkpoint), Sampling(num=count, seed=1))))
    for i, picture in enumerate(drawn.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(picture).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def place(tmp_path: Path, pico) -> Path:
    """Two models `a`, `b`, and pictures of a."""
    for seed, name in enumerate("ab"):
        pico(seed).save(tmp_path / f"{name}.safetensors")
    write_pictures(tmp_path / "data", pico(0))
    return tmp_path


def evaluation(place: Path, names: tuple[str, ...] = NAMES, **changes) -> Evaluation:
    networks = open_networks(names, torch.device("cpu"))
    return Evaluation(names, networks, place / "data", **({"sampling": SAMPLING} | changes))


def test_the_model_that_drew_the_data_is_nearest(place: Path) -> None:
    models = [str(place / f"{name}.safetensors") for name in "ab"]
    a, b = evaluate(evaluation(place), models, [])
    assert (a.name, a.size_px, a.pictures, a.real) == (models[0], 16, 24, 24)
    (dfd,) = [name for name in a.figures if name.startswith("dfd/")]
    assert dfd == f"dfd/{open_networks(NAMES, torch.device('cpu')).fingerprints['discriminator'][:8]}"
    assert a.figures[dfd] < b.figures[dfd] / 2


def test_a_folder_stands_in_for_a_model(place: Path, pico) -> None:
    same = write_pictures(place / "same", pico(0))
    other = write_pictures(place / "other", pico(1), count=12)
    first, second = evaluate(evaluation(place), [], [same, other])
    dfd, _, d_precision, d_recall = first.figures
    assert first.figures[dfd] == pytest.approx(0, abs=1e-3)  # the very pictures
    assert first.figures[d_precision] == first.figures[d_recall] == 1
    assert second.figures[dfd] > 0.1
    assert (second.pictures, second.real) == (12, 24)


def test_a_folder_has_no_paths(place: Path) -> None:
    with pytest.raises(InputError, match="dppl: found a folder of pictures, expected a model; leave the figure out"):
        list(evaluate(evaluation(place, ("dfd", "dppl")), [], [place / "data"]))


def test_path_lengths_alone_need_no_real_pictures_features(place: Path) -> None:
    (row,) = evaluate(evaluation(place, ("dppl",)), [str(place / "a.safetensors")], [])
    assert [name.split("/")[0] for name in row.figures] == ["dppl"]
    assert row.figures.popitem()[1] > 0


# ---- the cache ------------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many passes over the real pictures were made, as a list that grows."""
    passes: list[int] = []
    original = module.real_features

    def count(*arguments):
        passes.append(1)
        return original(*arguments)

    monkeypatch.setattr(module, "real_features", count)
    return passes


def test_real_features_are_kept_where_asked(place: Path, counted: list[int]) -> None:
    cache = place / "real.safetensors"
    models = [str(place / "a.safetensors")]
    plain = list(evaluate(evaluation(place), models, []))
    assert not cache.exists()
    assert plain == list(evaluate(evaluation(place, cache=cache), models, []))
    assert cache.exists()
    assert len(counted) == 2
    assert plain == list(evaluate(evaluation(place, cache=cache), models, []))
    assert len(counted) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda place: Image.new("RGB", (16, 16), "red").save(place / "data" / "red.png"),
        lambda place: (place / "data" / "0.png").unlink(),
        lambda place: os.utime(place / "data" / "1.png", (1, 1)),
    ],
    ids=["more", "fewer", "touched"],
)
def test_the_cache_sees_that_the_data_has_changed(place: Path, counted: list[int], change: Callable) -> None:
    cached = evaluation(place, cache=place / "real.safetensors")
    list(evaluate(cached, [str(place / "a.safetensors")], []))
    change(place)
    (row,) = evaluate(cached, [str(place / "a.safetensors")], [])
    assert len(counted) == 2
    assert row == next(evaluate(evaluation(place), [str(place / "a.safetensors")], []))


def test_the_cache_holds_several_ways_of_seeing(place: Path, counted: list[int]) -> None:
    model, cache = [str(place / "a.safetensors")], place / "real.safetensors"
    for sampling in (SAMPLING, Sampling(num=12), Sampling(num=24, seed=5), SAMPLING):
        list(evaluate(evaluation(place, cache=cache, sampling=sampling), model, []))
    assert len(counted) == 3


@pytest.mark.parametrize("content", ["damaged", "model"])
def test_another_file_is_not_taken_for_a_cache(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cache.safetensors"
    if content == "model":
        save_file({"x": torch.zeros(1)}, file)
    else:
        file.write_bytes(b"something else")
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"cache.safetensors: expected a cache of features or a new name"):
        FeatureCache(file).get("key", lambda: torch.zeros(1))
    assert file.read_bytes() == before


def test_a_model_of_another_kind_is_refused(place: Path, pico) -> None:
    wide = pico(0, replace(pico(0).config, const_size=(4, 8)))
    wide.save(place / "wide.safetensors")
    with pytest.raises(InputError, match="wide.safetensors: found a model of another kind, expected square RGB"):
        list(evaluate(evaluation(place), [str(place / "wide.safetensors")], []))


def test_pictures_are_those_that_a_folder_would_hold(place: Path, pico) -> None:
    """Rounded to bytes: a model is measured as if its pictures had been written to files first."""
    (drawn,) = draw(load_generator(pico(0)), Sampling(num=1))
    generator = load_generator(pico(0))
    ws = generator.mapping(latents(generator, Sampling(num=1))[0])
    (picture,) = to_pictures(generator.synthesis(ws, "const"))
    assert torch.from_numpy(np.array(picture)).permute(2, 0, 1).equal(drawn[0])


# ---- the shipped run ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_figures_rank_the_shipped_run_by_its_kimg(shared: Path) -> None:
    history = HISTORY
    models = [str(history / f"portraits-{kimg:06d}.safetensors") for kimg in (20, 100, 370)]
    networks = open_networks(NAMES, torch.device("cpu"))
    faces = Evaluation(NAMES, networks, shared / "data" / "faces", Sampling(num=500))
    dfd, dkd, d_precision, d_recall = zip(*(row.figures.values() for row in evaluate(faces, models, [])), strict=True)
    assert dfd[0] > 2 * dfd[1] > 4 * dfd[2]
    assert dkd[0] > 2 * dkd[1] > 4 * dkd[2]
    assert d_precision[0] < d_precision[1] < d_precision[2]
    assert d_recall[0] < d_recall[1] < d_recall[2]


@pytest.mark.parametrize("kimg", [20, 100, 370, 380, 400])
def test_the_history_says_what_it_is(kimg: int) -> None:
    checkpoint = load(HISTORY / f"portraits-{kimg:06d}.safetensors")
    assert checkpoint.discriminator is None
    assert checkpoint.metadata["kimg"] == kimg
    assert checkpoint.metadata["licence"] == "CC-BY-4.0"
    assert "UK Parliament" in checkpoint.metadata["attribution"]
