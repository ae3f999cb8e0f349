"""The learned path between two StyleGAN2 models beside the straight one:  python -m benchmarks.tuning_generators

Quality, not time; needs the extra `benchmark`. Trains what is not there yet in `--outdir` (two models, some ten minutes
of one core each), and prints the tables, or puts them between the marks of a page by `--into docs/tuning.md`, with the
picture in the folder beside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.dni_generators import BASE, PSI, SEEDS, TRANSFER, told
from benchmarks.identity import Recogniser
from benchmarks.pages import Study, markdown, put
from blendgan import blend
from blendgan.images import grid, to_pictures, to_uint8
from blendgan.rendering import latent_of
from blendgan.schedule import Uniform
from blendgan.tuning.forms import Form
from blendgan.tuning.generator_files import imitation_job
from blendgan.tuning.generators import ImitationPlan
from blendgan.tuning.measures import change_between
from stylegan2 import checkpoints, load_discriminator, load_generator
from stylegan2.discriminator import Discriminator, feature_distance
from stylegan2.store import resolve

NAME = "studio"  # of the marks
FORMS = {"FTN": Form("ftn"), "FTN-slow": Form("ftn"), "FTN-gc16": Form("ftn", groups=16)}
PLANS = {
    "FTN": ImitationPlan(3000, 3e-3, precision="bf16"),
    "FTN-slow": ImitationPlan(2000, 5e-4, precision="bf16"),  # whose filters stay nearer to BASE's: the default
    "FTN-gc16": ImitationPlan(1500, 3e-3, precision="bf16"),
}
STEPS = 8  # along α
TOLD = (2, 4, 6, 8)  # of these, in the table
SHOWN = 3  # seeds in the picture
HALF = 0.5  # of the way from BASE's picture to TRANSFER's
LEVELS = 255
STRAIGHT, PIXELS = "straight", "mean of pixels"

AlongAlpha = list[Tensor]  # pictures [N, 3, H, W] at α = 0, 1/8 … 1


@dataclass(frozen=True)
class Judges:
    """Both models' discriminators, BASE's first."""

    both: tuple[Discriminator, ...]

    def features(self, drawn: Tensor) -> list[list[Tensor]]:
        """Unit features of pictures [N, 3, H, W] by each."""
        return [judge.unit_features(drawn) for judge in self.both]


@dataclass(frozen=True)
class Walk:
    """How pictures look along a path, by the features of both discriminators: distances, 0 for the same picture.

    `from_base`, `from_transfer`: of each of the path's places, means; `largest`: of the steps over their mean; `way`:
    all steps over the distance of the ends (roots of distances both, by pictures).
    """

    from_base: list[float]
    from_transfer: list[float]
    largest: float
    way: float

    def alpha_at(self, share: float) -> float:
        """The α at which so much of BASE's distance from TRANSFER's picture is gone."""
        gone = [1 - far / self.from_transfer[0] for far in self.from_transfer]
        return float(np.interp(share, np.maximum.accumulate(gone), np.linspace(0, 1, len(gone))))


def trained(outdir: Path, name: str) -> Path:
    """The file of a learned model, which is trained where it is not there."""
    target = outdir / f"{name.lower()}.safetensors"
    if not target.is_file():
        outdir.mkdir(parents=True, exist_ok=True)
        job = imitation_job(BASE, TRANSFER, FORMS[name], PLANS[name], target)
        for step in job.steps():
            if step.index % 500 == 0:
                print(f"{name}: step {step.index} of {step.total}, distance {job.mean:.3f}", flush=True)
        job.save()
    return target


@torch.inference_mode()
def pictures(transfer: str, alpha: float) -> Tensor:
    """Pictures of the blend of BASE and a model, in which mapping, mean w and noise stay BASE's."""
    generator = load_generator(blend(BASE, transfer, Uniform(alpha)))
    return torch.cat([generator.synthesis(part) for part in _styles().split(8)])


@cache
@torch.inference_mode()
def _styles() -> Tensor:
    generator = load_generator(BASE)
    z = torch.cat([latent_of(seed, generator.config.z_dim) for seed in SEEDS])
    ws: Tensor = generator.mapping(z, truncation_psi=PSI)
    return ws


@torch.inference_mode()
def walk(path: AlongAlpha, base: Tensor, wanted: Tensor, judges: Judges) -> Walk:
    """Look at a path; features are computed once, of some seeds at a time."""
    columns: list[list[Tensor]] = [[], [], [], []]  # from base, from wanted, steps: [places, seeds]; ends: [1, seeds]
    for part in torch.arange(len(base)).split(8):
        first, last, *places = (judges.features(drawn[part]) for drawn in (base, wanted, *path))
        columns[0].append(torch.stack([_distance(place, first) for place in places]))
        columns[1].append(torch.stack([_distance(place, last) for place in places]))
        columns[2].append(torch.stack([_distance(a, b).sqrt() for a, b in zip(places, places[1:], strict=False)]))
        columns[3].append(_distance(places[0], places[-1]).sqrt()[None])
    from_base, from_transfer, steps, ends = (torch.cat(column, dim=1) for column in columns)
    largest, way = steps.amax(dim=0) / steps.mean(dim=0), steps.sum(dim=0) / ends[0]
    return Walk(
        from_base.mean(dim=1).tolist(), from_transfer.mean(dim=1).tolist(), float(largest.mean()), float(way.mean())
    )


def _distance(a: list[list[Tensor]], b: list[list[Tensor]]) -> Tensor:
    return torch.stack([feature_distance(x, y) for x, y in zip(a, b, strict=True)]).sum(dim=0)


def described(drawn: Tensor) -> NDArray[np.float64]:
    """What dlib's recogniser says of each face: [N, 128]."""
    recogniser = Recogniser()
    return np.stack([recogniser.describe(crop) for crop in to_uint8(drawn)])


def figures(drawn: Tensor, known: NDArray[np.float64], judges: Judges) -> list[str]:
    """Faces found, both discriminators' mean logits, and dlib's distance from the known faces."""
    person = np.linalg.norm(described(drawn) - known, axis=1).mean()
    return [*told(drawn, list(judges.both)), f"{person:.2f}"]


def along(
    paths: Mapping[str, AlongAlpha], walks: Mapping[str, Walk], known: NDArray[np.float64], judges: Judges
) -> str:
    """The table by α."""
    rows = []
    for i in (0, *TOLD):
        for name, path in paths.items():
            if name == STRAIGHT or i not in (0, *([STEPS] if name == PIXELS else [])):  # else as the straight one
                far = [f"{values[i]:.2f}" for values in (walks[name].from_base, walks[name].from_transfer)]
                rows.append([f"{i / STEPS:g}", name if i else BASE, *figures(path[i], known, judges), *far])
    headings = (
        "α",
        "path",
        "faces found",
        "D of BASE",
        "D of TRANSFER",
        "person",
        "from BASE's picture",
        "from TRANSFER's",
    )
    return markdown(headings, rows)


def halfway(models: Mapping[str, str], walks: Mapping[str, Walk], known: NDArray[np.float64], judges: Judges) -> str:
    """The table at equal degree of paint."""
    rows = []
    for name, model in models.items():
        alpha = walks[name].alpha_at(HALF)
        rows.append([name, f"{alpha:.2f}", *figures(pictures(model, alpha), known, judges)])
    return markdown(("path", "α", "faces found", "D of BASE", "D of TRANSFER", "person"), rows)


def whole(paths: Mapping[str, AlongAlpha], walks: Mapping[str, Walk], models: Mapping[str, str]) -> str:
    """The table of each path as a whole: its end, its filters, its steps."""
    wanted = paths[STRAIGHT][-1]
    rows = []
    for name, path in paths.items():
        rmse = LEVELS / 2 * float((path[-1].clamp(-1, 1) - wanted.clamp(-1, 1)).square().mean().sqrt())
        last = walks[name]
        end = [f"{rmse:.1f}", f"{last.from_transfer[-1]:.2f}"]
        rows.append([name, *end, *_filters(models.get(name)), f"{last.largest:.2f}", f"{last.way:.2f}"])
    headings = "path", "RMSE of α = 1", "features", "filters: MAE", "cosine", "largest step", "way"
    return markdown(headings, rows)


def _filters(transfer: str | None) -> list[str]:
    if transfer is None:
        return ["", ""]
    a, b = (checkpoints.load(resolve(model)).tensors for model in (BASE, transfer))
    names = [name for name in a if name.startswith("synthesis.") and name.endswith(".weight") and a[name].ndim == 4]
    change = change_between([(a[name].float(), b[name].float()) for name in names])
    return [f"{change.mean_absolute:.3f}", f"{change.cosine:.3f}"]


def sheet(paths: Mapping[str, AlongAlpha]) -> Image.Image:
    """A few seeds, the straight line above, the learned paths below."""
    rows = {}
    for i in range(SHOWN):
        for name in (STRAIGHT, *FORMS):
            drawn = torch.cat([paths[name][j][i : i + 1] for j in (0, *TOLD)])
            rows[f"seed {SEEDS[i]}, {name}"] = to_pictures(drawn)
    return grid(rows, [f"alpha {j / STEPS:g}" for j in (0, *TOLD)])


def study(outdir: Path) -> Study:
    """Tables and picture."""
    models = {STRAIGHT: TRANSFER} | {name: str(trained(outdir, name)) for name in FORMS}
    paths = {name: [pictures(model, i / STEPS) for i in range(STEPS + 1)] for name, model in models.items()}
    base, wanted = paths[STRAIGHT][0], paths[STRAIGHT][-1]
    paths[PIXELS] = [torch.lerp(base, wanted, i / STEPS) for i in range(STEPS + 1)]
    judges = Judges((load_discriminator(BASE), load_discriminator(TRANSFER)))
    walks = {name: walk(path, base, wanted, judges) for name, path in paths.items()}
    known = described(base)
    courses = "; ".join(f"{name}: {plan.steps} steps of {plan.batch} at {plan.rate:g}" for name, plan in PLANS.items())
    text = (
        f"`{BASE}` to `{TRANSFER}`, mapping and noise `{BASE}`'s; {len(SEEDS)} seeds, psi {PSI}. {courses}.",
        along(paths, walks, known, judges),
        "*Person*: dlib's distance from the face in BASE's picture, under 0.6 as a rule the same person. *From BASE's "
        "picture*, *from TRANSFER's*: how far pictures are apart in the features of both discriminators.",
        "At equal degree of paint, where half of the distance from TRANSFER's picture is gone:",
        halfway(models, walks, known, judges),
        f"Each path as a whole (*features*: how far α = 1 is from TRANSFER; *largest step*: of {STEPS}, over "
        "their mean, 1 is even; *way*: all steps over the distance of the ends):",
        whole(paths, walks, models),
    )
    return Study("\n\n".join(text), {"tuning-generators.png": sheet(paths)})


def main(arguments: list[str]) -> None:
    """Do the study, and print or insert what it found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tuning_generators", description=__doc__)
    parser.add_argument("--outdir", type=Path, default=Path("runs/studio"), help="for the learned models")
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    found = study(options.outdir)
    if options.into:
        put(options.into, NAME, "benchmarks tuning_generators", found)
    else:
        print(found.text)


if __name__ == "__main__":
    main(sys.argv[1:])
