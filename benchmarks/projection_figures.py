"""What is said of a projection: distances of one face, and the tables over faces."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.identity import Recogniser, squares
from benchmarks.projection_methods import ALONE, ENCODER_ROW, Found, Subject
from blendgan.images import to_pictures, to_uint8
from blendgan.projection import draw
from blendgan.toonification import Studio, Toon, ToonSettings, render
from projector.perceptual import Target, Weights, pixel_distance
from stylegan2.errors import InputError
from stylegan2.train.metric_lpips import find_vgg, open_lpips

COLUMNS = {
    "pixels": "pixels",
    "features": "features",
    "lpips": "LPIPS",
    "identity": "identity",
    "redrawn": "identity, redrawn",
}
FEATURES = Weights(features=1, pixels=0)
SOON, LATE = 1.0, 20.0  # seconds: what the encoder with refinement shall have reached of what it can reach
NO_LPIPS = "LPIPS is left out: its package, its torchvision, or VGG16's weights are not there."


@dataclass(frozen=True, eq=False)
class Result:
    """Of one face, method and budget: seconds, distances by name, and BASE's picture and the blend's."""

    seconds: float
    figures: Mapping[str, float]
    pictures: tuple[Image.Image, Image.Image]


Results = Mapping[tuple[str, float], Mapping[str, Result]]  # (method, budget) -> face's name -> result
Mean = Callable[[Sequence[float]], float]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all measurements share."""

    studio: Studio
    recogniser: Recogniser
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None

    def result(self, subject: Subject, found: Found) -> Result:
        """Compare what a method found with the photo; of a bare crop there is no redrawn photo."""
        toon, is_bare = self._toon(subject, found), subject.face.points is None
        picture, own = draw(found.base(self.studio), found.latent), squares(subject.photo.pixels, [subject.face])[0]
        figures = self._distances(subject, picture)
        figures["identity"] = self.recogniser.distance(own, to_uint8(picture)[0])
        if not is_bare:
            after = squares(np.asarray(toon.image.convert("RGB")), [subject.face])[0]
            figures["redrawn"] = self.recogniser.distance(own, after)
        return Result(found.seconds, figures, (to_pictures(picture)[0], toon.toonified[0]))

    def _distances(self, subject: Subject, picture: Tensor) -> dict[str, float]:
        target = Target(subject.crop, self.studio.finder.discriminator, FEATURES)
        figures = {"pixels": float(pixel_distance(picture, subject.crop)), "features": float(target.distance(picture))}
        return figures if self.lpips is None else {**figures, "lpips": float(self.lpips(picture, subject.crop))}

    def _toon(self, subject: Subject, found: Found) -> Toon:
        finder = replace(self.studio.finder, generator=found.base(self.studio))
        studio = replace(self.studio, finder=finder, blended=found.blended(self.studio))
        return render(studio, subject.photo, [subject.face], found.latent, ToonSettings())


def known_lpips() -> Callable[[Tensor, Tensor], Tensor] | None:
    """LPIPS on VGG16, where the package and the weights are there."""
    try:
        return open_lpips(find_vgg(), torch.device("cpu"))
    except InputError:
        return None


def together(groups: Mapping[str, Results]) -> Results:
    """The faces of all groups as one."""
    joined: dict[tuple[str, float], dict[str, Result]] = {}
    for group, results in groups.items():
        for case, found in results.items():
            joined.setdefault(case, {}).update({f"{group}: {face}": result for face, result in found.items()})
    return joined


def table(results: Results) -> str:
    """Return each figure's mean over the faces, and in brackets its median, as Markdown."""
    names = figures_in(results)
    heads = ["method", "budget", "faces", "taken", *(COLUMNS[name] for name in names)]
    body = []
    for (method, budget), found in sorted(results.items(), key=lambda item: item[0][1]):
        seconds = statistics.mean(one.seconds for one in found.values())
        cells = [_both([one.figures[name] for one in found.values()]) for name in names]
        body.append([method, f"{budget:g} s", str(len(found)), f"{seconds:.2f} s", *cells])
    return markdown(heads, body)


def ratios(results: Results) -> str:
    """Return how the encoder with refinement stands, as Markdown: by means, and in brackets by medians.

    At each budget beside the best that optimisation alone reaches, each figure and kind of mean for itself; then what
    it has SOON beside what it has LATE, over the faces that had both.
    """
    budgets = sorted({budget for _, budget in results})
    soon = [(SOON, LATE)] if {SOON, LATE} <= set(budgets) else []
    heads = ["figure", *(f"{budget:g} s" for budget in budgets), *(f"{a:g} s / {b:g} s" for a, b in soon)]
    body = []
    for name in figures_in(results):
        beside = [_beside_best(results, name, budget) for budget in budgets]
        body.append([COLUMNS[name], *beside, *(_beside_itself(results, name, *pair) for pair in soon)])
    return markdown(heads, body)


def figures_in(results: Results) -> list[str]:
    """Names of the figures that all faces have, in the table's order."""
    every = [one.figures for found in results.values() for one in found.values()]
    return [name for name in COLUMNS if every and all(name in figures for figures in every)]


def markdown(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join(["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *body]])


def _beside_best(results: Results, name: str, budget: float) -> str:
    def share(mean: Mean) -> tuple[float, str]:
        alone = {row: mean(_values(results, name, row, budget)) for row in ALONE if (row, budget) in results}
        best = min(alone, key=alone.__getitem__)
        return mean(_values(results, name, ENCODER_ROW, budget)) / alone[best], best

    (by_mean, best), (by_median, _) = share(statistics.mean), share(statistics.median)
    return f"{by_mean:.2f} ({by_median:.2f}) of {best}"


def _beside_itself(results: Results, name: str, soon: float, late: float) -> str:
    first, last = results[ENCODER_ROW, soon], results[ENCODER_ROW, late]
    both = [face for face in last if face in first]

    def share(mean: Mean) -> float:
        return mean([first[face].figures[name] for face in both]) / mean([last[face].figures[name] for face in both])

    return f"{share(statistics.mean):.2f} ({share(statistics.median):.2f}), over {len(both)}"


def _values(results: Results, name: str, method: str, budget: float) -> list[float]:
    return [one.figures[name] for one in results[method, budget].values()]


def _both(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.3f} ({statistics.median(values):.3f})"
