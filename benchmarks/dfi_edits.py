"""Three ways to give a face an attribute by two sets of faces, each at several strengths.

dfi: a step in deep features, as `blendgan dfi` does it. latent: a step along the difference of the sets' mean latents,
from the face's own latent. pixels: the difference of the sets' mean pictures, added. Strengths of the last two are in
units of that difference; those of dfi in that of the photo's own features.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from benchmarks.dfi_judge import SEEN_PX, read_faces
from blendgan.dfi.directions import find_direction
from blendgan.dfi.editing import Edit, Settings, move_along
from blendgan.dfi.features import Layers, space_about
from blendgan.dfi.sets import PictureSet, read_picture
from blendgan.images import to_uint8
from blendgan.projection import Finder, draw, project_faces
from projector.alignment import AlignedFace
from projector.latent import Latent
from stylegan2.errors import InputError

STRENGTHS = {"dfi": (0.2, 0.4, 0.6), "latent": (0.5, 1.0, 2.0, 3.0), "pixels": (0.5, 1.0, 2.0)}
NEIGHBOURS = 60
AT_ONCE = 16  # faces that the encoder sees
CORNERS = ((0, 0), (0, SEEN_PX), (SEEN_PX, SEEN_PX), (SEEN_PX, 0))

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Outcome:
    """`picture` [1, 3, 128, 128] in [-1, 1]. `base`: what a strength of 0 gives. `seconds`: of this face alone."""

    method: str
    strength: float
    picture: Tensor
    base: Tensor
    seconds: float


@dataclass(frozen=True, eq=False)
class Sets:
    """Source and target of an attribute, and what the ways need to know of them, each found when first asked for."""

    source: PictureSet
    target: PictureSet
    finder: Finder | None

    @property
    def needed(self) -> Finder:
        """The finder. Raises InputError where there is none."""
        if self.finder is None:
            raise InputError("dfi_edits: found no finder of latents, expected one")
        return self.finder

    @cached_property
    def picture_step(self) -> Tensor:
        """The difference of the mean pictures [1, 3, 128, 128]."""
        means = [read_faces(each.files).mean(dim=0, keepdim=True) for each in (self.source, self.target)]
        return means[1] - means[0]

    @cached_property
    def latent_step(self) -> Tensor:
        """The difference of the mean latents [1, num_ws, w_dim], by the encoder alone."""
        finder = self.needed
        encoder, generator = finder.encoder, finder.generator
        if encoder is None:
            raise InputError("dfi_edits: found no encoder, expected that of the shipped portraits")
        means = []
        with torch.inference_mode():
            for each in (self.source, self.target):
                parts = read_faces(each.files).split(AT_ONCE)
                means.append(torch.cat([encoder.encode(part, generator) for part in parts]).mean(dim=0, keepdim=True))
        return means[1] - means[0]


def by_dfi(photo: Path, sets: Sets, features: Layers) -> Iterator[Outcome]:
    """Each strength by itself: the sets' neighbours are found once, and count in the seconds of each."""
    before, started = read_picture(photo, SEEN_PX, SEEN_PX), time.perf_counter()
    settings, space = Settings(NEIGHBOURS), space_about(features, before)
    direction = _last(find_direction(space, before, sets.source, sets.target, NEIGHBOURS))
    reading = time.perf_counter() - started
    for strength in STRENGTHS["dfi"]:
        started = time.perf_counter()
        edit = Edit(sets.source, sets.target, strength)
        after = _last(move_along(space, before, edit, direction, settings)).clamp(-1, 1)
        yield Outcome("dfi", strength, after, before, reading + time.perf_counter() - started)


def by_latent(photo: Path, sets: Sets) -> Iterator[Outcome]:
    """From the latent that `blendgan project` finds; its noise stays."""
    crop = to_uint8(read_picture(photo, SEEN_PX, SEEN_PX))[0]
    face = AlignedFace(crop, np.array(CORNERS, dtype=np.float64), (SEEN_PX, SEEN_PX))
    started = time.perf_counter()
    latent = project_faces([face], sets.needed)
    finding = time.perf_counter() - started
    base = draw(sets.needed.generator, latent).clamp(-1, 1)
    for strength in STRENGTHS["latent"]:
        step, started = strength * sets.latent_step, time.perf_counter()
        moved = Latent(latent.w + step.to(latent.w), latent.mapping, latent.noise, latent.metadata)
        after = draw(sets.needed.generator, moved).clamp(-1, 1)
        yield Outcome("latent", strength, after, base, finding + time.perf_counter() - started)


def by_pixels(photo: Path, sets: Sets) -> Iterator[Outcome]:
    """The plainest way of all."""
    before = read_picture(photo, SEEN_PX, SEEN_PX)
    for strength in STRENGTHS["pixels"]:
        step, started = strength * sets.picture_step, time.perf_counter()
        yield Outcome("pixels", strength, (before + step).clamp(-1, 1), before, time.perf_counter() - started)


def ways(features: Layers | None) -> dict[str, Callable[[Path, Sets], Iterator[Outcome]]]:
    """All by name; that of DFI where features are given."""
    others = {"latent": by_latent, "pixels": by_pixels}
    return others if features is None else {"dfi": lambda photo, sets: by_dfi(photo, sets, features), **others}


def _last(work: Generator[object, None, Found]) -> Found:
    """What a work returns after its events."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return cast(Found, stop.value)
