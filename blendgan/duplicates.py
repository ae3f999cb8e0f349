"""Which pictures are nearly the same: a perceptual hash of 256 bits, checked by coarse colours.

The hash says of the 16 × 16 lowest frequencies of the picture (a cosine transform of its 32 × 32 grey copy) which are
above their median (pHash, Zauner 2010, with four times the usual bits). With 64 bits aligned faces of different people
come as near as 2 bits, nearer than two files of one photo. With 256 bits, of 3.1 million pairs of portraits, no two
people came nearer than 40, while saving as JPEG at quality 30 or halving moves a picture by at most 8, and
brightening it by a fifth by at most 20.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

BLOCK = 256  # pictures that are compared with all others at once: 70 MB for 70,000 of them


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
    ranked = [impressions[place] for place in order]
    is_kept = np.ones(len(order), bool)
    found: dict[int, Match] = {}
    for rank, distances in enumerate(_distances_to_earlier(ranked)):
        near = np.flatnonzero((distances <= threshold) & is_kept[:rank])
        for other in near[np.argsort(distances[near], kind="stable")].tolist():
            if _colour_distance(ranked[rank], ranked[other]) <= COLOUR_DISTANCE:
                is_kept[rank] = False
                found[order[rank]] = Match(order[other], int(distances[other]))
                break
    return found


def _distances_to_earlier(impressions: Sequence[Impression]) -> Iterator[NDArray[np.float32]]:
    """For each impression, in how many bits it differs from each before it.

    With bits as signs, a product of matrices counts them: 256 minus twice the differing ones; exact in float32.
    """
    packed = np.array([each.bits for each in impressions], np.uint64).reshape(-1, BITS // 64)
    signs = np.unpackbits(packed.view(np.uint8), axis=1).astype(np.float32) * 2 - 1  # [N, 256]
    for start in range(0, len(signs), BLOCK):
        block = (BITS - signs[start : start + BLOCK] @ signs[: start + BLOCK].T) / 2
        yield from (row[: start + i] for i, row in enumerate(block))


def _colour_distance(one: Impression, other: Impression) -> float:
    return float(np.sqrt(np.mean((one.colours - other.colours).astype(np.float64) ** 2)))


class Gallery:
    """Pictures that come one after the other: each is compared with those that were kept before it."""

    def __init__(self) -> None:
        self._bits: list[NDArray[np.uint64]] = []
        self._kept: list[Impression] = []

    def add(self, impression: Impression) -> None:
        """Keep a picture's impression."""
        self._bits.append(impression.bits)
        self._kept.append(impression)

    def holds(self, impression: Impression, threshold: int) -> bool:
        """Whether one that is kept is nearly the same, by the rule of `find_duplicates`."""
        differing = np.array(self._bits, np.uint64).reshape(-1, BITS // 64) ^ impression.bits
        distances = np.unpackbits(differing.view(np.uint8), axis=1).sum(axis=1)
        near = np.flatnonzero(distances <= threshold).tolist()
        return any(_colour_distance(self._kept[place], impression) <= COLOUR_DISTANCE for place in near)
