"""The engine: one thread, bounded memory, and pictures that are what their recipe says."""

from __future__ import annotations

import gc
import threading

import pytest

pytest.importorskip("streamlit", "1.51", reason="the explorer needs the extra `app`")

from app import engine as module
from app.engine import ALL_BASE, ALL_TRANSFER, Engine, Pictures
from blendgan.explorer_options import ExplorerOptions
from blendgan.recipe import recipe_of
from blendgan.rendering import open_renderer
from blendgan.schedule import Swap, Table
from blendgan.viewing import Drawn, View, draw_view
from stylegan2.errors import ShapeMismatch, UnknownWeights

VIEW = View((0, 1))


@pytest.fixture(autouse=True)
def thawed():
    """What the engine sets aside stays with the collector of the tests."""
    yield
    gc.unfreeze()


@pytest.fixture
def names(pico, tmp_path):
    paths = []
    for seed in range(4):
        paths.append(str(tmp_path / f"{seed}.safetensors"))
        pico(seed).save(paths[-1])
    return tuple(paths)


@pytest.fixture
def models(names):
    return Engine(ExplorerOptions(names))


def test_both_ends_are_base_and_transfer_themselves(models, names):
    pair = models.pair(*names[:2])
    for recipe, name in ((ALL_BASE, names[0]), (ALL_TRANSFER, names[1])):
        assert pair.draw(recipe, VIEW).pictures == draw_view(open_renderer(name), VIEW).pictures


def test_all_is_drawn_on_one_thread(models):
    seen = {models.run(threading.get_ident) for _ in range(5)}
    assert len(seen) == 1 and threading.get_ident() not in seen
    assert models.run(lambda: models.run(threading.get_ident)) in seen  # and work may ask for more work


def test_what_fails_fails_where_it_was_asked_for(models, names, pico):
    with pytest.raises(UnknownWeights, match="is not offered here; expected one of"):
        models.pair(names[0], "elsewhere.pkl")
    with pytest.raises(ZeroDivisionError):
        models.run(lambda: 1 // 0)


def test_few_pairs_are_open(models, names, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 2)
    first = models.pair(names[0], names[1])
    models.pair(names[0], names[2])
    assert models.pair(names[0], names[1]) is first
    models.pair(names[0], names[3])
    assert models.pair(names[0], names[1]) is first
    assert models.pair(names[0], names[2]) is not first and len(models._pairs) == 2


def test_a_second_asker_gets_what_was_drawn(models, names, monkeypatch):
    pair = models.pair(*names[:2])
    drawn = pair.draw(recipe_of(Swap(8)), VIEW)
    monkeypatch.setattr(module, "draw_view", None)
    assert pair.draw_soon(recipe_of(Swap(8)), VIEW) is drawn


def test_a_slow_model_gets_a_first_picture(models, names, monkeypatch):
    pair = models.pair(*names[:2])
    pair.draw(recipe_of(Swap(8)), VIEW)
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    monkeypatch.setattr(module, "SOON_S", 0.0)
    recipe = recipe_of(Table({4: 0.5, 8: 0, 16: 0}))
    first = pair.draw_soon(recipe, VIEW)
    assert not first.complete
    whole = pair.draw(recipe, VIEW)
    assert whole.complete and pair.draw_soon(recipe, VIEW) is whole


def test_models_that_were_brought_make_room_and_are_forgotten(models, names, pico, monkeypatch):
    monkeypatch.setattr(module, "MOST_UPLOADS", 2)
    for seed in (5, 6, 7):
        models.add(f"upload:{seed}", pico(seed))
    with pytest.raises(UnknownWeights):
        models.source("upload:5")
    models.pair(names[0], "upload:7")
    models.remove("upload:7")
    with pytest.raises(UnknownWeights):
        models.pair(names[0], "upload:7")


def test_models_that_do_not_fit_are_told(models, names, pico):
    from dataclasses import replace

    from tests.conftest import PICO

    models.add("upload:small", pico(0, replace(PICO, resolution=8, channels=(8, 6))))
    with pytest.raises(ShapeMismatch):
        models.pair(names[0], "upload:small").draw(recipe_of(Swap(8)), VIEW)


def test_pictures_are_bounded():
    kept = Pictures(limit_bytes=10)
    for i in range(5):
        kept.put(i, Drawn((b"1234",), True, 0.0))
        kept.get(0)
    assert kept.bytes == 8 and kept.get(0) and kept.get(4) and not kept.get(3)
