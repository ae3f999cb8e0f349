"""toonify's styles, grids and names of results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from blendgan.cli.main import run
from blendgan.cli.recipes import Given
from blendgan.cli.toonify_models import styled
from blendgan.recipe import recipe_of
from blendgan.recipe_files import ready_recipes
from blendgan.schedule import Swap, Uniform
from blendgan.sources import open_source
from blendgan.swap_grid import SwapGrid
from blendgan.toonification import ToonSettings, open_studio, toonify_photo
from projector.optimise import ProjectionConfig
from stylegan2.checkpoints import Checkpoint
from stylegan2.errors import InputError

NOTHING = Given(None, {})


def test_a_style_is_a_ready_recipe_or_a_shipped_transfer() -> None:
    assert styled(NOTHING, (), None) == (NOTHING, ())
    assert styled(NOTHING, (), "cartoons") == (NOTHING, ("portraits", "cartoons"))
    assert styled(NOTHING, (), "pinkney-1c") == (Given("pinkney-1c", {}), ())
    with_words = Given(None, {"schedule": ("swap-res", "16")})
    assert styled(with_words, (), "paintings") == (with_words, ("portraits", "paintings"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--style", "manga"], "--style: found 'manga', expected one of cartoons, paintings, "),
        (["--style", "portraits"], "found 'portraits'"),
        (["--style", "cartoons", "--base", "x"], "leave out --base, --transfer and --recipe"),
        (["--style", "pinkney-1c", "--swap-res", "8"], "says all of the blend; leave out --swap-res"),
        (["--grid", "x"], "expected swap resolutions such as 4,8,16"),
        (["-o", "toon.bmp"], "toon.bmp: found the ending '.bmp', expected one of .png, .jpg"),
        (["--detail", "2"], "2.0 is not in the range"),
    ],
)
def test_wrong_words_are_one_line_before_any_work(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["toonify", "nowhere.jpg", *words]) == 2
    error = capsys.readouterr().err
    assert reason in error and len(error.splitlines()) == 1


def test_every_ready_recipe_is_a_style() -> None:
    for name in ready_recipes():
        assert styled(NOTHING, (), name)[0].recipe_file == name


def test_a_grid_has_the_swaps_beside_the_photo(pico: Callable[..., Checkpoint]) -> None:
    sources = open_source(pico(0)), open_source(pico(1))
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    studio = open_studio(sources[0].checkpoint, sources[1], recipe_of(Swap(16)))
    settings = ToonSettings(projection=ProjectionConfig(steps=1), selection=_whole())
    toon = toonify_photo(studio, photo, settings)
    two = SwapGrid(sources, recipe_of(Swap(4)), (4, 16)).sheet(toon.faces, toon.latents)
    assert SwapGrid(sources, recipe_of(Uniform(1.0))).columns == (4, 8, 16)
    strip = toon.strip()  # aligned | projected | toonified, at the same size
    assert two.size == strip.size
    right = (strip.width - 128, 0, strip.width, strip.height)
    np.testing.assert_array_equal(np.asarray(two.crop(right))[28:], np.asarray(strip.crop(right))[28:])
    middle = np.asarray(two)[28:, 130:258]
    assert not np.array_equal(middle, np.asarray(two)[28:, -128:])
    with pytest.raises(InputError, match="grid: found 64, expected some of 4, 8, 16"):
        SwapGrid(sources, recipe_of(Swap(4)), (64,))


def _whole():  # type: ignore[no-untyped-def]
    from blendgan.faces import WHOLE

    return WHOLE


def test_matching_colours_keeps_the_photos_mean(pico: Callable[..., Checkpoint]) -> None:
    photo = Image.new("RGB", (64, 64), (180, 120, 90))
    studio = open_studio(pico(0), pico(1), recipe_of(Uniform(1.0)))
    settings = ToonSettings(_whole(), "face", ProjectionConfig(steps=1))
    plain = toonify_photo(studio, photo, settings)
    matched = toonify_photo(studio, photo, ToonSettings(_whole(), "face", ProjectionConfig(steps=1), match_colour=True))

    def off(toon: object) -> float:
        middle = np.asarray(toon.toonified[0])[4:12, 5:11].astype(float)  # type: ignore[attr-defined]
        return float(np.abs(middle.mean((0, 1)) - (180, 120, 90)).max())

    assert off(matched) < 12 < off(plain)
