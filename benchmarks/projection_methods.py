"""Ways from a face to a latent, each within a budget of seconds: (face, seconds) -> what was found.

A method's pace is measured on one face before; then it is given the steps that fit, since Adam's rates rise and fall
over all of them, and is stopped when the time is over all the same. The encoder's pass counts. Where no step fits, what
is there already is the answer: the encoder's w, or the mean face.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from blendgan.faces import ALL, Selection, align_faces
from blendgan.images import from_uint8
from blendgan.projection import Finder, crop_size
from blendgan.toonification import Studio
from projector.alignment import AlignedFace
from projector.latent import Latent, in_half
from projector.optimise import CURVED, REFINEMENT, ProjectionConfig, project
from projector.photo import Photo, read_photo
from projector.spaces import w_statistics
from projector.tuning import TuningConfig, added, tune
from stylegan2.generator import Generator

ADAM = {"W": "w", "W+": "w+", "W+ and noise": "w+n"}  # row -> space
CURVED_ROW, ENCODER_ROW = "W+, curvature", "encoder, refined"
ALONE = (*ADAM, CURVED_ROW)  # optimisation without an encoder
TUNED = ", tuned"
PACE_STEPS, PACE_ROUNDS = 3, 3  # by which a step's time is measured, after as many that warm up
TUNED_SHARE = 0.5  # of the budget goes to tuning, where a step of it fits


@dataclass(frozen=True, eq=False)
class Subject:
    """A face, the photo it is in, and its crop [1, 3, R, R]."""

    name: str
    photo: Photo
    face: AlignedFace
    crop: Tensor


@dataclass(frozen=True, eq=False)
class Found:
    """A latent, the change of BASE's weights that goes with it, and the seconds that it took."""

    latent: Latent
    seconds: float
    change: Mapping[str, Tensor] = field(default_factory=dict)

    def base(self, studio: Studio) -> Generator:
        """BASE with the change."""
        return added(studio.base, self.change) if self.change else studio.base

    def blended(self, studio: Studio) -> Generator:
        """The blend with the change."""
        return added(studio.blended, self.change) if self.change else studio.blended


Method = Callable[[Subject, float], Found]


def subject_of(photo: Path, studio: Studio, selection: Selection = ALL) -> Subject:
    """Return the first face of a photo from the left; by the selection WHOLE the picture itself is the crop."""
    opened = read_photo(photo)
    face = align_faces(opened, photo.name, selection, crop_size(studio.base))[0]
    return Subject(photo.stem, opened, face, from_uint8(face.crop))


@dataclass(frozen=True, eq=False)
class Search:
    """How to look for a latent, with what the finder has for it."""

    finder: Finder
    config: ProjectionConfig

    def latent(self, crop: Tensor, steps: int, until: float = float("inf")) -> Latent:
        """The best of so many steps, or of those before a point in time; of none, where they would begin."""
        finder, generator = self.finder, self.finder.generator
        start = None if finder.encoder is None else finder.encoder.encode(crop, generator)
        if not steps:
            return Latent(mean_face(generator) if start is None else start, generator.mapping_fingerprint)
        config = replace(self.config, steps=steps)
        events = project(crop, generator, finder.discriminator, config, start=start, curvature=finder.curvature)
        best = next(events)  # each event holds the best so far
        while time.perf_counter() < until and (later := next(events, None)) is not None:
            best = later
        return in_half(Latent(best.w, generator.mapping_fingerprint, best.noise))  # as toonify keeps it


def mean_face(generator: Generator) -> Tensor:
    """w [1, num_ws, w_dim] from which a search without an encoder starts."""
    return w_statistics(generator).mean.expand(1, generator.config.num_ws, -1).clone()


def searches_for(finder: Finder) -> dict[str, Search]:
    """Return what a model offers: with its curvature, and its encoder, where it has them."""
    plain = replace(finder, encoder=None, curvature=None)
    found = {name: Search(plain, ProjectionConfig(space=space)) for name, space in ADAM.items()}
    if finder.curvature is not None:
        found[CURVED_ROW] = Search(replace(finder, encoder=None), CURVED)
    if finder.encoder is not None:
        found[ENCODER_ROW] = Search(finder, REFINEMENT)
    return found


def methods_for(finder: Finder, subject: Subject) -> dict[str, Method]:
    """Return a method for each search, and tuning after the best two; their pace is measured on the subject."""
    found = {name: _searching(search, subject) for name, search in searches_for(finder).items()}
    best = [name for name in (CURVED_ROW, ENCODER_ROW) if name in found] or list(found)[-1:]
    return found | {name + TUNED: _tuning(finder, found[name], subject) for name in best}


def _searching(search: Search, subject: Subject) -> Method:
    pace = pace_of(lambda steps: search.latent(subject.crop, steps))

    def work(subject: Subject, budget_s: float) -> Found:
        started = time.perf_counter()
        latent = search.latent(subject.crop, pace.steps(budget_s), until=started + budget_s)
        return Found(latent, time.perf_counter() - started)

    return work


def _tuning(finder: Finder, before: Method, subject: Subject) -> Method:
    pivot = before(subject, 0.0).latent
    pace = pace_of(lambda steps: _tuned(finder, subject, pivot, steps))

    def work(subject: Subject, budget_s: float) -> Found:
        steps = pace.steps(TUNED_SHARE * budget_s)
        first = before(subject, budget_s - pace.seconds(steps) if steps else budget_s)
        if not steps:
            return first
        started = time.perf_counter()
        change = _tuned(finder, subject, first.latent, steps)
        return replace(first, change=change, seconds=first.seconds + time.perf_counter() - started)

    return work


def _tuned(finder: Finder, subject: Subject, pivot: Latent, steps: int) -> Mapping[str, Tensor]:
    config = TuningConfig(steps=steps)
    *_, last = tune(subject.crop, pivot.w, dict(pivot.noise), finder.generator, finder.discriminator, config)
    return last.change


@dataclass(frozen=True)
class Pace:
    """Seconds before the first step, and for each."""

    before: float
    step: float

    def steps(self, budget_s: float) -> int:
        """How many steps fit."""
        return max(0, int((budget_s - self.before) / self.step))

    def seconds(self, steps: int) -> float:
        """How long so many take."""
        return self.before + steps * self.step


def pace_of(work: Callable[[int], object]) -> Pace:
    """Measure the pace of a work of so many steps: medians over rounds."""
    work(PACE_STEPS)  # warms up
    few = statistics.median(_seconds(work, PACE_STEPS) for _ in range(PACE_ROUNDS))
    many = statistics.median(_seconds(work, 3 * PACE_STEPS) for _ in range(PACE_ROUNDS))
    step = max(1e-3, (many - few) / (2 * PACE_STEPS))
    return Pace(max(0.0, few - PACE_STEPS * step), step)


def _seconds(work: Callable[[int], object], steps: int) -> float:
    started = time.perf_counter()
    work(steps)
    return time.perf_counter() - started
