"""From photo to picture: tiles are the whole, maps by pixel, sweeps, and what cannot be."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from blendgan.picture_files import read_texts
from blendgan.restoration.region_map import Levels
from blendgan.restoration.tiles import restore
from blendgan.tuning.files import Tuned, open_main
from blendgan.tuning.forms import build
from blendgan.tuning.runs import Shares, parse_sweep, prepare, shares_of
from stylegan2.errors import InputError


@pytest.fixture
def work(tmp_path, states, pictures):
    """`work(kind)`: a main network in a file; and a photo of 61 x 47 px."""
    pixels = pictures(1, 3, 47, 61)[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "photo.png")

    def make(kind, form, shaken):
        save_file(states(kind), tmp_path / "main.safetensors")
        main = open_main(tmp_path / "main.safetensors")
        return Tuned(main, shaken(build(main.restorer, form)), form, name="tuning.safetensors")

    return make


def pixels_of(run):
    return np.asarray(Image.open(run.write()))


@pytest.mark.parametrize("kind", ["residual", "grey"])
def test_tiles_are_the_whole(work, tmp_path, shaken, form, kind):
    tuned = work(kind, form, shaken)
    mask = np.linspace(0, 255, 47 * 61).reshape(47, 61).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / "map.png")
    for shares in (Shares((0.4,)), Shares((), str(tmp_path / "map.png"), Levels((0, 128, 255), (0.9, 0.1, 0.6)))):
        (run,) = prepare(tuned, tmp_path / "photo.png", shares, tile=None)
        whole = restore(run.restoring, run.photo.pixels, tile=1000)
        cut = restore(run.restoring, run.photo.pixels, tile=16)
        assert np.abs(whole.astype(int) - cut).max() <= 1
        assert whole.std() > 3


def test_a_map_is_by_pixel(work, tmp_path, shaken, form):
    tuned = work("grey", form, shaken)
    mask = np.zeros((47, 61), np.uint8)
    Image.fromarray(mask).save(tmp_path / "black.png")
    Image.fromarray(mask + 255).save(tmp_path / "white.png")

    def drawn(shares, name):
        (run,) = prepare(tuned, tmp_path / "photo.png", shares, tmp_path / name)
        list(run.tiles())
        return pixels_of(run).astype(int)

    first, second = drawn(Shares((0.0,)), "a.png"), drawn(Shares((1.0,)), "b.png")
    assert np.abs(first - second).max() > 3
    black = drawn(shares_of(None, str(tmp_path / "black.png"), None, None), "c.png")
    white = drawn(shares_of(None, str(tmp_path / "white.png"), None, None), "d.png")
    turned = drawn(shares_of(None, str(tmp_path / "white.png"), "1,0", None), "e.png")
    assert np.array_equal(black, first)
    assert np.abs(white - second).max() <= 1
    assert np.abs(turned - first).max() <= 1


def test_a_sweep_and_what_pictures_say(work, tmp_path, shaken, form):
    tuned = work("residual", form, shaken)
    runs = prepare(tuned, tmp_path / "photo.png", shares_of(None, None, None, "3"))
    assert [run.out.name for run in runs] == [
        "photo.tuned-0.000.png",
        "photo.tuned-0.500.png",
        "photo.tuned-1.000.png",
    ]
    for run in runs:
        assert len(list(run.tiles())) == run.total
    said = json.loads(read_texts(runs[1].write())["blendgan"])
    assert (said["alpha"], said["tuning"]["method"]) == (0.5, form.method)
    assert said["tuning"]["main"]["fingerprint"] == tuned.main.file.fingerprint
    assert "blendgan" not in read_texts(runs[2].write(with_metadata=False))


def test_maps_of_another_size(work, tmp_path, shaken, form):
    tuned = work("residual", form, shaken)
    Image.new("L", (61, 30)).save(tmp_path / "map.png")
    with pytest.raises(InputError, match="found a mask of 61 x 30 px, expected the aspect of the picture, 61 x 47 px"):
        prepare(tuned, tmp_path / "photo.png", shares_of(None, str(tmp_path / "map.png"), None, None))
    Image.new("L", (122, 94), 255).save(tmp_path / "large.png")  # the same aspect: it is resized
    (run,) = prepare(tuned, tmp_path / "photo.png", shares_of(0.5, str(tmp_path / "large.png"), None, None))
    (plain,) = prepare(tuned, tmp_path / "photo.png", Shares((0.5,)))
    found = [restore(one.restoring, one.photo.pixels).astype(int) for one in (run, plain)]
    if form.method != "dni":
        assert np.abs(found[0] - found[1]).max() <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((None, None, None, None), "alpha: found none, expected --alpha 0.5, --map FILE, or --sweep 5"),
        ((0.5, None, None, "3"), "alpha: found --alpha and --sweep, expected"),
        ((None, "map.png", None, "3"), "alpha: found --map and --sweep, expected"),
        ((0.5, None, "0,1", None), "alphas: they are those of a map's greys; give --map"),
        ((0.5, "map.png", "0,1", None), "alpha: found with --alphas"),
        ((None, None, None, "x"), "sweep: found 'x', expected a number of αs from 2"),
        ((None, None, None, "1"), "sweep: found 1, expected a number of αs from 2"),
        ((None, None, None, "0,2"), "sweep: found '0,2', expected"),
        ((None, None, None, "nan,0"), "sweep: found 'nan,0', expected"),
        ((None, None, None, "0.5,0.5"), "sweep: found '0.5,0.5', expected two αs or more, at least 0.001 apart"),
        ((None, None, None, "0.0001,0.0002"), "sweep: found '0.0001,0.0002', expected two αs or more"),
    ],
)
def test_shares_that_are_none(words, message):
    with pytest.raises(InputError, match=message):
        shares_of(*words)


def test_sweeps():
    assert parse_sweep("5") == (0, 0.25, 0.5, 0.75, 1)
    assert parse_sweep("0,.3,1,.3") == (0, 0.3, 1)


def test_an_alpha_beyond(work, tmp_path, shaken, form):
    with pytest.raises(InputError, match="alpha: found 1.5, expected a number from 0"):
        prepare(work("residual", form, shaken), tmp_path / "photo.png", Shares((1.5,)))
    with pytest.raises(InputError, match="would be written over"):
        prepare(work("residual", form, shaken), tmp_path / "photo.png", Shares((1.0,)), tmp_path / "photo.png")
