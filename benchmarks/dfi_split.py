"""The lists of benchmarks/dfi in three parts that share no face: DFI's sets, the judge's, and the faces to be edited.

A face's part follows from its file name alone, so that it is in the same part of every list that has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blendgan.dfi.sets import PictureSet, read_set

LISTS = Path(__file__).resolve().parent / "dfi"
PARTS = {"sets": 0.45, "judge": 0.45, "tests": 0.10}  # shares of the faces
SEED = 10


@dataclass(frozen=True)
class Attribute:
    """A pair of lists. `region`: where it is to be seen (blendgan.regions); None: all but hair and background.

    `box`: left, top and side in px of 128 of the square that a judge looks at, without background.
    """

    name: str
    source: str
    target: str
    region: str | None
    box: tuple[int, int, int]


ATTRIBUTES = (
    Attribute("glasses", "no-glasses", "glasses", "eyes", (28, 32, 72)),
    Attribute("smile", "neutral", "smile", "mouth", (28, 50, 72)),
    Attribute("beard", "no-beard", "beard", "mouth", (32, 62, 64)),
    Attribute("age", "younger", "older", None, (19, 26, 90)),
)


def place_of(name: str, seed: int = SEED) -> float:
    """A number in [0, 1) that a file name has by its SHA-256, another one for each seed."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def part_of(name: str, seed: int = SEED) -> str:
    """Return which of PARTS a face belongs to."""
    place, end = place_of(name, seed), 0.0
    for part, share in PARTS.items():
        end += share
        if place < end:
            return part
    return part


def in_part(files: Sequence[Path], part: str, seed: int = SEED) -> tuple[Path, ...]:
    """Those of some files that are in a part, in an order that follows from their names alone."""
    return tuple(sorted((f for f in files if part_of(f.name, seed) == part), key=lambda f: place_of(f.name, seed)))


def lists_of(attribute: Attribute, faces: Path, part: str) -> tuple[PictureSet, PictureSet]:
    """Return source and target as far as they are in a part."""
    whole = [read_set(LISTS / f"{name}.txt", faces) for name in (attribute.source, attribute.target)]
    source, target = (PictureSet(each.name, in_part(each.files, part)) for each in whole)
    return source, target
