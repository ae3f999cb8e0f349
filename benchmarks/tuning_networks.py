"""The networks of the study: for each seed a main network and its tunings by every method; for one seed more of them.

What is there already is not trained again, so a study that was ended goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image

from blendgan.tuning.files import open_main
from blendgan.tuning.forms import Form
from blendgan.tuning.jobs import MainJob, TuningJob, main_job, tuning_job
from blendgan.tuning.training import Plan

LEVELS = (20.0, 80.0)  # of noise: the main network's, the tunings'
SINGLE = (40.0, 60.0, 80.0)  # levels that a network each is trained for from nothing, beside the main network's 20
FORMS = {
    "DNI": Form("dni"),
    "AdaFM": Form("adafm"),
    "CFSNet": Form("cfsnet"),
    "Dynamic-Net": Form("dynamic"),
    "FTN-gc16": Form("ftn", groups=16),
    "FTN-gc4": Form("ftn", groups=4),
    "FTN": Form("ftn"),
    "FTN-deeper": Form("ftn", variant="deeper"),
    "FTN-spatial": Form("ftn", variant="spatial"),
}
WIDTH, BLOCKS, CHANNELS = 32, 6, 3  # a third of AdaFM-Net's depth, half its width
MAIN_STEPS, TUNING_STEPS = 5000, 1500
LONGER, LONGER_STEPS = ("DNI", "FTN-gc16", "FTN"), 6000  # of the first seed: is it time that is missing?
MAIN_RATE, TUNING_RATE = 1e-3, 3e-4  # one for all methods, as in the paper
COLOURED = ("coffee.png", "retina.jpg", "ihc.png", "hubble_deep_field.jpg", "color.png")
GREY = ("camera.png", "brick.png", "gravel.png", "grass.png", "moon.png", "coins.png", "page.png", "text.png")
MORE_GREY = ("clock_motion.png", "cell.png")
TINTS = 2  # pictures made of each grey one, between two random colours


@dataclass(frozen=True)
class Course:
    """Where networks lie, and how they are trained; `shortened` divides the steps, for trials."""

    folder: Path
    shortened: int = 1
    precision: str = "fp32"

    def plan(self, noise: float, steps: int, rate: float, seed: int) -> Plan:
        """The plan of one training."""
        return Plan(noise, max(1, steps // self.shortened), rate, seed=seed, precision=self.precision)  # type: ignore[arg-type]

    def main_file(self, seed: int, noise: float = LEVELS[0]) -> Path:
        """Of the network for one level."""
        return self.folder / f"seed-{seed}" / f"main-{noise:g}.safetensors"

    def tuning_file(self, seed: int, method: str) -> Path:
        """Of a tuning of the main network for noise 20."""
        return self.folder / f"seed-{seed}" / f"{method}.safetensors"

    def longer_file(self, seed: int, method: str) -> Path:
        """Of a tuning that was trained for longer."""
        return self.folder / f"seed-{seed}" / f"{method}-longer.safetensors"


def train_more(course: Course, seed: int) -> Iterator[str]:
    """Train what one seed has beside its tunings: networks of one level each, and a few tunings for longer."""
    for noise in SINGLE:
        yield from _train_main(course, seed, noise, course.folder / "pictures")
    for method in LONGER:
        target = course.longer_file(seed, method)
        if not target.exists():
            yield _tuned(course, seed, method, LONGER_STEPS, target)


def train_seed(course: Course, seed: int) -> Iterator[str]:
    """Train a seed's main network and its tunings, those that are not there, and tell what was written."""
    pictures = course.folder / "pictures"
    write_pictures(pictures)
    course.main_file(seed).parent.mkdir(parents=True, exist_ok=True)
    yield from _train_main(course, seed, LEVELS[0], pictures)
    for method in FORMS:
        target = course.tuning_file(seed, method)
        if not target.exists():
            yield _tuned(course, seed, method, TUNING_STEPS, target)


def _tuned(course: Course, seed: int, method: str, steps: int, target: Path) -> str:
    plan = course.plan(LEVELS[1], steps, TUNING_RATE, seed)
    main, pictures = open_main(course.main_file(seed)), course.folder / "pictures"
    return _done(tuning_job(main, FORMS[method], pictures, LEVELS, plan, target))


def _train_main(course: Course, seed: int, noise: float, pictures: Path) -> Iterator[str]:
    target = course.main_file(seed, noise)
    if not target.exists():
        plan = course.plan(noise, MAIN_STEPS, MAIN_RATE, seed)
        yield _done(main_job(pictures, CHANNELS, WIDTH, BLOCKS, plan, target, torch.device("cpu")))


def _done(job: MainJob | TuningJob) -> str:
    for _ in job.steps():
        pass
    job.save()
    return f"{job.target.parent.name}/{job.target.name}: {job.psnr:.2f} dB"


def write_pictures(folder: Path) -> None:
    """Write the training pictures, all of scikit-image's and none of the test's, as PNG; grey ones in random colours.

    They are the pictures of the denoisers that are shipped (weights/train_denoisers.py).
    """
    folder.mkdir(parents=True, exist_ok=True)
    held, draw = Path(skimage.data.__file__).parent, np.random.default_rng(0)
    for name in COLOURED:
        _write(Image.open(held / name).convert("RGB"), folder / f"{Path(name).stem}.png")
    for name in GREY + MORE_GREY:
        shade = np.asarray(Image.open(held / name).convert("L"), dtype=np.float64)[..., None] / 255
        for i in range(TINTS):
            dark, light = draw.random((2, 3)) * 255
            tinted = (dark + (light - dark) * shade).round().astype(np.uint8)
            _write(Image.fromarray(tinted), folder / f"{Path(name).stem}-{i}.png")


def _write(picture: Image.Image, path: Path) -> None:
    if not path.exists():
        part = path.with_suffix(".part")
        picture.save(part, "png")
        part.rename(path)
