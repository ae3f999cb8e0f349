"""Near-duplicates: copies are known again, strangers are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from blendgan.cli.dataset import THRESHOLD as THRESHOLD_OF_THE_OPTION
from blendgan.duplicates import BITS, THRESHOLD, Impression, Match, find_duplicates, impression_of


def scene(seed: int, size: int = 128) -> Image.Image:
    """A smooth random picture with detail, as photographs have it."""
    dice = np.random.default_rng(seed)
    sheets = [
        np.asarray(
            Image.fromarray(dice.integers(0, 256, (n, n, 3), np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        )
        for n in (4, 8, 16, 32)
    ]
    return Image.fromarray(np.average(sheets, axis=0, weights=(8, 4, 2, 1)).astype(np.uint8))


def distance(one: Image.Image, other: Image.Image) -> int:
    differing = impression_of(one).bits ^ impression_of(other).bits
    return sum(int(word).bit_count() for word in differing)


def saved(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


COPIES = {
    "itself": lambda p: p.copy(),
    "jpeg": lambda p: saved(p, 30),
    "smaller": lambda p: p.resize((64, 64), Image.Resampling.LANCZOS),
    "larger": lambda p: p.resize((300, 300), Image.Resampling.BICUBIC),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.15),
    "paler": lambda p: ImageEnhance.Color(p).enhance(0.7),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_within_the_threshold(copy: str) -> None:
    distances = [distance(scene(seed), COPIES[copy](scene(seed))) for seed in range(8)]
    assert max(distances) <= THRESHOLD
    assert (max(distances) == 0) == (copy == "itself")


def test_strangers_are_half_of_the_bits_away() -> None:
    assert len({bytes(impression_of(scene(seed)).bits) for seed in range(20)}) == 20
    distances = [distance(scene(0), scene(seed)) for seed in range(1, 20)]
    assert min(distances) > 3 * THRESHOLD
    assert abs(np.mean(distances) - BITS / 2) < 12


def test_a_mirrored_picture_is_no_copy() -> None:
    assert distance(scene(0), scene(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)) > 3 * THRESHOLD


def test_flat_pictures_are_copies_only_in_one_colour() -> None:
    flat = [impression_of(Image.new("RGB", (50, 50), colour)) for colour in ("red", "lime", "red", "black", "white")]
    assert find_duplicates(flat, [50] * 5, THRESHOLD) == {2: Match(kept=0, bits=0)}


def test_of_copies_the_largest_is_kept_and_the_first_of_equals() -> None:
    pictures = [scene(0), scene(1), saved(scene(0), 60), scene(0), scene(1)]
    found = find_duplicates([impression_of(p) for p in pictures], [64, 90, 128, 128, 90], THRESHOLD)
    assert {place: match.kept for place, match in found.items()} == {0: 2, 3: 2, 4: 1}
    assert found[4].bits == 0 and 0 < found[0].bits <= THRESHOLD


def test_the_threshold_is_exact_and_does_not_chain() -> None:
    """b is 10 bits from a, c 10 from b and 20 from a: with 10, c stays."""
    colours = np.zeros(192, np.int16)
    bits = np.zeros([3, BITS], bool)
    bits[1, :10] = bits[2, :20] = True
    made = [Impression(np.packbits(row).view(np.uint64), colours) for row in bits]
    assert find_duplicates(made, [1, 1, 1], 10) == {1: Match(0, 10)}
    assert find_duplicates(made, [1, 1, 1], 9) == {}
    assert find_duplicates(made, [1, 1, 1], 20) == {1: Match(0, 10), 2: Match(0, 20)}
    assert find_duplicates([], [], 10) == {}


def test_the_option_has_the_same_threshold() -> None:
    assert THRESHOLD_OF_THE_OPTION == THRESHOLD


@pytest.mark.slow
def test_of_the_real_faces_only_the_one_that_is_twice_there_is_a_copy(shared: Path) -> None:
    files = sorted((shared / "data" / "faces").glob("*.jpg"))
    if not files:
        pytest.skip("test data: no faces are there")
    impressions = [impression_of(Image.open(file).convert("RGB")) for file in files]
    found = find_duplicates(impressions, [128] * len(files), THRESHOLD)
    assert [(files[a].stem, files[m.kept].stem) for a, m in found.items()] == [("us_0086", "us_0052")]
