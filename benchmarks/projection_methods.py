"""Ways from a face to a latent, each within a budget of seconds: (face, seconds) -> what was found.

A method's pace is measured on one face before; then it is given the steps that fit, since its rates rise and fall over
all of them, and is stopped when the time is over all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from blendgan.faces import ALL, align_faces
from blendgan.images import from_uint8
from blendgan.projection import Finder, crop_size
from blendgan.toonification import Studio
from projector.alignment import AlignedFace
from projector.latent import Latent
from projector.optimise import REFINEMENT, ProjectionConfig, ProjectionStep, project
from projector.photo import Photo, read_photo
from projector.tuning import TuningConfig, added, tune
from stylegan2.generator import Generator

PACE_STEPS = 4  # by which a step's time is measured, after as many that warm up
TUNED_SHARE = 0.5  # of the budget goes to tuning, where there is any


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


def subject_of(photo: Path, studio: Studio) -> Subject:
    """Return the first face of a photo from the left."""
    opened = read_photo(photo)
    face = align_faces(opened, photo.name, ALL, crop_size(studio.base))[0]
    return Subject(photo.stem, opened, face, from_uint8(face.crop))


def methods_for(finder: Finder, subject: Subject) -> dict[str, Method]:
    """Return every method that a model offers: with an encoder where it has one; tuning after the nearest."""
    spaces = {"W": "w", "W+": "w+", "W+ and noise": "w+n"}
    found = {name: _optimising(finder, ProjectionConfig(space=space), subject) for name, space in spaces.items()}
    if finder.encoder is not None:
        found["encoder, refined"] = _optimising(finder, REFINEMENT, subject)
    nearest = list(found)[-1]
    return {**found, f"{nearest}, tuned": _tuning(finder, found[nearest], subject)}


def _optimising(finder: Finder, config: ProjectionConfig, subject: Subject) -> Method:
    is_refining = config is REFINEMENT
    pace = _pace(lambda steps: _searched(finder, replace(config, steps=steps), subject, is_refining=is_refining))

    def work(subject: Subject, budget_s: float) -> Found:
        started = time.perf_counter()
        steps = max(0 if is_refining else 1, pace.steps(budget_s))
        last = _searched(
            finder, replace(config, steps=steps), subject, until=started + budget_s, is_refining=is_refining
        )
        latent = Latent(last.w, finder.generator.mapping_fingerprint, last.noise)
        return Found(latent, time.perf_counter() - started)

    return work


def _searched(
    finder: Finder, config: ProjectionConfig, subject: Subject, until: float = float("inf"), *, is_refining: bool
) -> ProjectionStep:
    """The last event of a search before a point in time; each holds the best so far."""
    start = None
    if is_refining and finder.encoder is not None:
        start = finder.encoder.encode(subject.crop, finder.generator)
    steps = project(subject.crop, finder.generator, finder.discriminator, config, start=start)
    best = next(steps)
    while time.perf_counter() < until and (later := next(steps, None)) is not None:
        best = later
    return best


def _tuning(finder: Finder, before: Method, subject: Subject) -> Method:
    pivot = before(subject, 0.0).latent
    pace = _pace(lambda steps: _tuned(finder, subject, pivot, steps))

    def work(subject: Subject, budget_s: float) -> Found:
        first = before(subject, (1 - TUNED_SHARE) * budget_s)
        started = time.perf_counter()
        change = _tuned(finder, subject, first.latent, pace.steps(TUNED_SHARE * budget_s))
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


def _pace(work: Callable[[int], object]) -> Pace:
    """Measure the pace of a work of so many steps."""
    work(PACE_STEPS)  # warms up
    taken = {}
    for steps in (PACE_STEPS, 2 * PACE_STEPS):
        started = time.perf_counter()
        work(steps)
        taken[steps] = time.perf_counter() - started
    step = max(1e-3, (taken[2 * PACE_STEPS] - taken[PACE_STEPS]) / PACE_STEPS)
    return Pace(max(0.0, taken[PACE_STEPS] - PACE_STEPS * step), step)
