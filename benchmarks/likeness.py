"""How like themselves people stay: python -m benchmarks projection --likeness DIR

DIR holds what `blendgan toonify PHOTOS --outdir DIR` wrote. Each face of each photo is compared with the same square of
the redrawn picture, and with the picture that BASE makes of its latent, by dlib's recogniser.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.identity import SAME_PERSON, Recogniser, squares
from blendgan.faces import ALL, align_faces
from blendgan.images import to_uint8
from blendgan.projection import crop_size, draw
from projector.alignment import AlignedFace
from projector.latent import load_latent
from projector.photo import read_photo
from stylegan2.errors import InputError
from stylegan2.generator import Generator

ENDINGS = (".png", ".jpg", ".webp")


@dataclass(frozen=True)
class Likeness:
    """One face: dlib's distance of the photo to the redrawn photo, and to BASE's picture (None: no latent is there)."""

    name: str
    redrawn: float
    projected: float | None


def measure(photos: list[Path], results: Path, base: Generator, recogniser: Recogniser) -> Iterator[Likeness]:
    """Yield a line for each face of each photo that has a redrawn picture."""
    for photo in photos:
        if (picture := _picture_of(photo, results)) is not None:
            yield from _of_photo(photo, picture, base, recogniser)


def _picture_of(photo: Path, results: Path) -> Path | None:
    names = [results / f"{photo.stem}.toon{ending}" for ending in ENDINGS]
    return next((name for name in names if name.is_file()), None)


def _of_photo(photo: Path, picture: Path, base: Generator, recogniser: Recogniser) -> Iterator[Likeness]:
    before, after = read_photo(photo).pixels, read_photo(picture).pixels
    if before.shape != after.shape:
        raise InputError(f"{picture}: found {after.shape[:2]} px, expected {before.shape[:2]}, as {photo} has")
    faces = align_faces(read_photo(photo), photo.name, ALL, crop_size(base))
    projections = _projections(picture.with_suffix(".npz"), base, faces)
    pairs = zip(squares(before, faces), squares(after, faces), projections, strict=True)
    for i, (own, redrawn, projected) in enumerate(pairs):
        name = photo.stem if len(faces) == 1 else f"{photo.stem}, face {i + 1}"
        apart = None if projected is None else recogniser.distance(own, projected)
        yield Likeness(name, recogniser.distance(own, redrawn), apart)


def _projections(latent: Path, base: Generator, faces: list[AlignedFace]) -> list[np.ndarray | None]:
    """BASE's picture of each face, where the latent is there and of these faces."""
    if not latent.is_file():
        return [None] * len(faces)
    pictures = to_uint8(draw(base, load_latent(latent)))
    return list(pictures) if len(pictures) == len(faces) else [None] * len(faces)


def table(found: list[Likeness]) -> str:
    """Return the lines as Markdown, and below them the mean, and how many are taken for the same person."""
    columns = [[one.redrawn for one in found], [one.projected for one in found if one.projected is not None]]
    body = [f"| {one.name} | {_number(one.redrawn)} | {_number(one.projected)} |" for one in found]
    means = " | ".join(_number(statistics.mean(column)) if column else "" for column in columns)
    same = " | ".join(f"{sum(d <= SAME_PERSON for d in column)} of {len(column)}" for column in columns)
    head = ["| face | redrawn | projected |", "|---|---|---|"]
    return "\n".join([*head, *body, f"| mean | {means} |", f"| same person (≤ {SAME_PERSON}) | {same} |"])


def _number(distance: float | None) -> str:
    return "" if distance is None else f"{distance:.3f}"
