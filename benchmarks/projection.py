"""How near a projection comes to its photo, in how much time: python -m benchmarks projection [--few]

Each method gets each face and a budget of seconds, and so many steps as its own pace, measured first, lets it make.
What it finds is compared with the photo: pixels, the features of BASE's discriminator, and the person, by dlib's
recogniser: BASE's picture beside the photo's crop, and the redrawn photo beside the photo.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import likeness, toonify_time
from benchmarks.identity import Recogniser, squares
from benchmarks.projection_methods import Found, Subject, methods_for, subject_of
from blendgan.images import grid, to_pictures, to_uint8, write_png
from blendgan.projection import draw
from blendgan.samples import write_portrait
from blendgan.toonification import Studio, Toon, ToonSettings, open_studio, render
from projector.perceptual import Target, Weights, pixel_distance
from stylegan2.loading import load_generator

PHOTOS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "photos"  # beside the checkout
BUDGETS = (0.3, 1.0, 5.0, 20.0)  # seconds
MOST, FEW = 10, 3  # photos
FIGURES = ("pixels", "features", "identity", "toon_identity")
FEATURES = Weights(features=1, pixels=0)


@dataclass(frozen=True, eq=False)
class Result:
    """Of one face, method and budget: seconds, distances, and BASE's picture and the blend's."""

    seconds: float
    pixels: float
    features: float
    identity: float
    toon_identity: float
    pictures: tuple[Image.Image, Image.Image]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all measurements share."""

    studio: Studio
    recogniser: Recogniser

    def result(self, subject: Subject, found: Found) -> Result:
        """Compare what a method found with the photo."""
        toon = self._toon(subject, found)
        picture = draw(found.base(self.studio), found.latent)
        photo, redrawn = subject.photo.pixels, np.asarray(toon.image.convert("RGB"))
        own, after = squares(photo, [subject.face])[0], squares(redrawn, [subject.face])[0]
        target = Target(subject.crop, self.studio.finder.discriminator, FEATURES)
        return Result(
            found.seconds,
            float(pixel_distance(picture, subject.crop)),
            float(target.distance(picture)),
            self.recogniser.distance(own, to_uint8(picture)[0]),
            self.recogniser.distance(own, after),
            (to_pictures(picture)[0], toon.toonified[0]),
        )

    def _toon(self, subject: Subject, found: Found) -> Toon:
        finder = replace(self.studio.finder, generator=found.base(self.studio))
        studio = replace(self.studio, finder=finder, blended=found.blended(self.studio))
        return render(studio, subject.photo, [subject.face], found.latent, ToonSettings())


Results = dict[tuple[str, float], list[Result]]  # (method, budget) → one for each face


def measure(bench: Bench, subjects: Sequence[Subject], budgets: Sequence[float]) -> Results:
    """Let every method work on every face at every budget, in turn."""
    methods = methods_for(bench.studio.finder, subjects[0])
    results: Results = {}
    for subject in subjects:
        for budget in budgets:
            for name, method in methods.items():
                results.setdefault((name, budget), []).append(bench.result(subject, method(subject, budget)))
    return results


def table(results: Results) -> str:
    """Return means over the faces as Markdown."""
    head = ["| method | budget | taken | pixels | features | identity | identity, redrawn |", "|---" * 7 + "|"]
    body = []
    for (name, budget), found in sorted(results.items(), key=lambda item: (item[0][1],)):
        figures = [statistics.mean(getattr(one, figure) for one in found) for figure in FIGURES]
        seconds = statistics.mean(one.seconds for one in found)
        body.append(f"| {name} | {budget:g} s | {seconds:.2f} s | " + " | ".join(f"{f:.3f}" for f in figures) + " |")
    return "\n".join([*head, *body])


def sheet(subject: Subject, results: Results, place: int) -> Image.Image:
    """Draw a row for each method: the crop, then BASE's picture and the blend's at each budget."""
    names = list(dict.fromkeys(name for name, _ in results))
    budgets = list(dict.fromkeys(budget for _, budget in results))
    crop = Image.fromarray(subject.face.crop)
    rows = {
        name: [crop, *(picture for budget in budgets for picture in results[name, budget][place].pictures)]
        for name in names
    }
    return grid(rows, ["photo", *(text for budget in budgets for text in (f"{budget:g} s", "painted"))])


def main(words: Sequence[str]) -> None:
    """Measure what was asked for and print it."""
    arguments = _parsed(words)
    torch.set_num_threads(arguments.threads)
    photos = sorted(arguments.photos.glob("*.jpg"))
    if arguments.likeness is not None:
        base = load_generator("portraits")
        print(likeness.table(list(likeness.measure(photos, arguments.likeness, base, Recogniser()))))
        return
    bench = Bench(open_studio("portraits", "paintings"), Recogniser())
    subjects = [subject_of(photo, bench.studio) for photo in photos[: FEW if arguments.few else MOST]]
    results = measure(bench, subjects, arguments.budgets)
    print(table(results))
    if arguments.times:
        print(toonify_time.table(arguments.photos))
    for place, subject in enumerate(subjects if arguments.sheets else ()):
        write_png(arguments.sheets / f"{subject.name}.png", sheet(subject, results, place))
    if arguments.portrait:
        write_png(arguments.portrait, portrait_sheet(bench, arguments.budgets))


def portrait_sheet(bench: Bench, budgets: Sequence[float]) -> Image.Image:
    """Draw the sheet of the public-domain portrait, the only one that may be published."""
    with tempfile.TemporaryDirectory() as folder:
        write_portrait(Path(folder) / "portrait.png")
        subject = subject_of(Path(folder) / "portrait.png", bench.studio)
    return sheet(subject, measure(bench, [subject], budgets), 0)


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks projection", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of photos; the first face of each counts")
    parser.add_argument("--few", action="store_true", help=f"{FEW} photos instead of {MOST}")
    parser.add_argument("--budgets", type=_seconds, default=BUDGETS, help="seconds, such as 0.3,1,5,20")
    parser.add_argument("--likeness", type=Path, metavar="DIR", help="compare the photos with what toonify wrote there")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="draw a sheet for each photo")
    parser.add_argument("--portrait", type=Path, metavar="PNG", help="draw the sheet of the public-domain portrait")
    parser.add_argument("--times", action="store_true", help="time whole processes too")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(words)


def _seconds(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))
