"""A session's photo: faces found once, a search that goes on where it was, and results that are the command line's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="the explorer needs streamlit: blendgan[app]")

from app.engine import Engine
from app.photo.job import PhotoJob
from app.photo.memory import Photos
from app.photo.options import PhotoOptions
from app.photo.work import MOST_KNOWN, Order, PhotoWork
from app.scene import Scene
from blendgan.explorer_options import ExplorerOptions
from blendgan.faces import ALL, WHOLE, Selection
from blendgan.photo_files import PhotoFile
from blendgan.projection import Finder, finder_of, project_photo
from blendgan.recipe import recipe_of
from blendgan.samples import PORTRAIT
from blendgan.schedule import Swap, Uniform
from blendgan.toonification import ToonSettings, open_studio, toonify_photo
from stylegan2.errors import InputError, NoFaceFound


@pytest.fixture(scope="module")
def models(pico_files) -> Engine:
    return Engine(ExplorerOptions(tuple(pico_files), threads=1))


@pytest.fixture(scope="module")
def finder(pico_files) -> Finder:
    return finder_of(pico_files[0])


@pytest.fixture
def work(models) -> PhotoWork:
    return PhotoWork(PhotoFile("portrait.jpg", PORTRAIT.read_bytes()), models, Photos())


def job(work, models, finder, recipe=None, **options) -> PhotoJob:
    base, transfer, _ = models.options.models
    scene = Scene(base, transfer, recipe or recipe_of(Swap(8, "high")))
    return PhotoJob(scene, models.pair(base, transfer), models, work, finder, PhotoOptions(steps=2, **options), ALL)


def test_faces_are_found_once_and_shown_small(work, monkeypatch):
    assert not work.has_looked
    assert len(work.found) == len(work.thumbnails) == 1
    monkeypatch.setattr("app.photo.work.detect", None)  # would fail if it were asked again
    assert work.has_looked and work.count(ALL) == work.count(WHOLE) == 1


def test_a_search_goes_on_where_it_was_left(work, finder, models):
    order = Order("base", ALL, 6)
    first = []
    for share in work.search(order, finder):
        first.append(share)
        if len(first) == 3:
            break  # as a page that is drawn anew
    rest = list(work.search(order, finder))
    assert len(first) + len(rest) == 7 and first + rest == sorted({*first, *rest}) and rest[-1] == 1
    assert work.knows(order) and not list(work.search(order, finder))
    alone = project_photo(PORTRAIT, finder, config=finder.config_of(6))
    assert np.array_equal(work.latent(order).w.numpy(), alone.latent.w.half().float().numpy())


def test_another_search_takes_the_place_of_one_under_way_and_few_results_are_kept(work, finder):
    orders = [Order("base", WHOLE, steps) for steps in range(1, MOST_KNOWN + 2)]
    next(iter(work.search(Order("base", ALL, 50), finder)))
    for order in orders:
        list(work.search(order, finder))
    assert [work.knows(order) for order in orders] == [False] + [True] * MOST_KNOWN
    assert not work.knows(Order("base", ALL, 50))


def test_a_search_that_fails_does_so_each_time_in_words(work, finder):
    for _ in range(2):
        with pytest.raises(InputError, match="steps: found 0, expected at least 1"):
            list(work.search(Order("base", ALL, 0), finder))
    empty = PhotoWork(PhotoFile("sky.png", _sky()), work._models, Photos())
    for _ in range(2):
        with pytest.raises(NoFaceFound, match="sky.png: found no face in 64 x 48 px"):
            list(empty.search(Order("base", ALL), finder))
    assert len(list(empty.search(Order("base", WHOLE, 1), finder))) == 2  # as an aligned face it can be taken


def test_what_is_shown_is_what_is_downloaded(work, models, finder):
    mine = job(work, models, finder)
    list(mine.search())
    (patch,) = mine.patches()
    settings = ToonSettings(steps=2)
    studio = open_studio(*models.options.models[:2], mine.scene.recipe)
    toon = toonify_photo(studio, PORTRAIT, settings)
    assert np.array_equal(np.asarray(patch.picture), np.asarray(toon.image.crop(patch.box)))
    plain = job(work, models, finder, recipe_of(Uniform(0.0)), detail=1.0).patches()[0]
    assert not np.array_equal(np.asarray(plain.picture), np.asarray(patch.picture))  # the comparison can fail


@pytest.mark.parametrize(("numbers", "known"), [((1,), True), ((2,), False)])
def test_a_number_that_is_not_there_is_refused(numbers, known, work, finder):
    order = Order("base", Selection(numbers), 1)
    if known:
        assert list(work.search(order, finder))
    else:
        with pytest.raises(InputError, match="found 1 in the photo, asked for number 2"):
            list(work.search(order, finder))


def _sky() -> bytes:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (64, 48), (90, 140, 220)).save(file, "PNG")
    return file.getvalue()


def test_nothing_is_written(work, models, finder, elsewhere: Path, monkeypatch):
    opened = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: opened.append((self, a, k)) or real(self, *a, **k))
    mine = job(work, models, finder)
    list(mine.search())
    mine.patches()
    assert len(mine.picture(".jpg", with_metadata=True)) > 10_000
    assert not list(elsewhere.iterdir())
    assert not [each for each in opened if any("w" in str(word) or "x" in str(word) for word in each[1])]
