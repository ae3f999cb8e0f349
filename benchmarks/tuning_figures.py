"""What is measured of one seed's networks, kept as JSON beside them: nothing is measured twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.dni_pictures import people, public_pictures
from benchmarks.tuning_networks import FORMS, LEVELS, LONGER, SINGLE, Course
from blendgan.dni.degradation import CleanFile
from blendgan.restoration.restorer import Restorer
from blendgan.tuning.files import open_main, open_tuned
from blendgan.tuning.forms import Form, build
from blendgan.tuning.measures import best_alphas, colour_error, filter_change, measure_psnr
from blendgan.tuning.tuning import Tuning

NOISE = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)
PEOPLE_NOISE = (40.0, 60.0, 80.0)  # as the paper's Table 2, without that where all are the main network
COARSE, FINER = 0.2, (0.1, 0.05)  # of α: steps everywhere; then, twice, on both sides of the best
COLOUR_NOISE = (20.0, 50.0)
COLOUR_ALPHAS = (0.25, 0.5, 0.75, 1.0)

Curve = list[tuple[float, float]]  # (α, PSNR in dB)


def ruler(noise: float) -> float:
    """The α that a linear scale between both levels gives."""
    first, second = LEVELS
    return (noise - first) / (second - first)


def figures_of(course: Course, seed: int) -> dict[str, Any]:
    """Measure a seed, or read what was measured of its tunings; of networks of one level those there are, anew.

    `single` by set and level of noise; `curves` by set, method and level: a `Curve`; `colour` by method and level: RMSE
    by α; `filters` by method: mean absolute change and cosine.
    """
    read = _kept(course.main_file(seed).parent / "figures.json", lambda: _measure(course, seed))
    sets = {"public": public_pictures(), "people": people()}
    return read | {"single": {name: _single(course, seed, sets[name]) for name in read["curves"]}}


def longer_of(course: Course, seed: int) -> dict[str, dict[str, Curve]]:
    """Measure a seed's tunings that were trained for longer, or read it: curves by method and level."""
    main, files = open_main(course.main_file(seed)), public_pictures()

    def measure() -> dict[str, dict[str, Curve]]:
        opened = {method: open_tuned(course.longer_file(seed, method), main).tuning for method in LONGER}
        return {
            method: {f"{level:g}": curve_at(main.restorer, tuning, files, level) for level in NOISE}
            for method, tuning in opened.items()
        }

    return _kept(course.main_file(seed).parent / "longer.json", measure)


def _kept(path: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if not path.exists():
        text = json.dumps(measure(), indent=1)
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _measure(course: Course, seed: int) -> dict[str, Any]:
    main = open_main(course.main_file(seed))
    sets = {"public": (public_pictures(), NOISE), "people": (people(), PEOPLE_NOISE)}
    tunings = {method: open_tuned(course.tuning_file(seed, method), main).tuning for method in FORMS}
    changed = {method: filter_change(tuning) for method, tuning in tunings.items() if tuning.filters()}
    return {
        "curves": {
            name: {
                method: {f"{level:g}": curve_at(main.restorer, tuning, files, level) for level in noise}
                for method, tuning in tunings.items()
            }
            for name, (files, noise) in sets.items()
            if files
        },
        "colour": {method: _colour(main.restorer, tuning) for method, tuning in tunings.items()},
        "filters": {method: [change.mean_absolute, change.cosine] for method, change in changed.items()},
    }


def curve_at(restorer: Restorer, tuning: Tuning, files: Sequence[CleanFile], noise: float) -> Curve:
    """PSNR along α at one level: at coarse steps, at the ruler's α, and nearer and nearer to the best."""
    alphas = {round(i * COARSE, 4) for i in range(round(1 / COARSE) + 1)} | {ruler(noise)}
    found = list(measure_psnr(restorer, tuning, files, [noise], sorted(alphas)))
    for step in FINER:
        best = best_alphas(found)[noise].alpha
        beside = {min(1.0, max(0.0, round(best + side, 4))) for side in (-step, step)}
        new = beside - {one.alpha for one in found}
        found += measure_psnr(restorer, tuning, files, [noise], sorted(new))
    return sorted((one.alpha, one.psnr) for one in found)


def _single(course: Course, seed: int, files: Sequence[CleanFile]) -> dict[str, float]:
    """PSNR of the network that was trained for a level from nothing."""
    found = {}
    for noise in (level for level in (LEVELS[0], *SINGLE) if course.main_file(seed, level).exists()):
        restorer = open_main(course.main_file(seed, noise)).restorer
        tuning = build(restorer, Form("dni"))  # untrained: the network itself
        (one,) = measure_psnr(restorer, tuning, files, [noise], [0.0])
        found[f"{noise:g}"] = one.psnr
    return found


def _colour(restorer: Restorer, tuning: Tuning) -> dict[str, dict[str, float]]:
    files = public_pictures()
    errors = {f"{noise:g}": colour_error(restorer, tuning, files, noise, COLOUR_ALPHAS) for noise in COLOUR_NOISE}
    return {noise: {f"{alpha:g}": value for alpha, value in along.items()} for noise, along in errors.items()}
