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
from statistics import fmean

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
FORMS = {"FTN": Form("ftn"), "FTN-gc16": Form("ftn", groups=16)}
PLAN = ImitationPlan(precision="bf16")
STEPS = 8  # along α
TOLD = (2, 4, 6, 8)  # of these, in the table
SHOWN = 3  # seeds in the picture
LEVELS = 255
STRAIGHT, PIXELS = "straight", "mean of pixels"

Path_ = list[Tensor]  # pictures [N, 3, H, W] at α = 0, 1/8 … 1


@dataclass(frozen=True)
class Judges:
    """Both models' discriminators, BASE's first."""

    both: tuple[Discriminator, Discriminator]

    @torch.inference_mode()
    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """How far apart pictures [N, 3, H, W] look, by the features of both: [N], 0 for the same."""
        parts = zip(a.split(8), b.split(8), strict=True)
        return torch.cat([sum(feature_distance(j.unit_features(x), j.unit_features(y)) for j in self.both)
                          for x, y in parts])  # fmt: skip


def trained(outdir: Path, name: str) -> Path:
    """The file of a learned model, which is trained where it is not there."""
    target = outdir / f"{name.lower()}.safetensors"
    if not target.is_file():
        outdir.mkdir(parents=True, exist_ok=True)
        job = imitation_job(BASE, TRANSFER, FORMS[name], PLAN, target)
        for step in job.steps():
            if step.index % 500 == 0:
                print(f"{name}: step {step.index} of {step.total}, distance {job.mean:.3f}", flush=True)
        job.save()
    return target


def path_to(transfer: str | Path) -> Path_:
    """Pictures of blends of BASE and a model, in which mapping, mean w and noise stay BASE's."""
    return [_pictures(str(transfer), i / STEPS) for i in range(STEPS + 1)]


@torch.inference_mode()
def _pictures(transfer: str, alpha: float) -> Tensor:
    generator = load_generator(blend(BASE, transfer, Uniform(alpha)))
    return torch.cat([generator.synthesis(part) for part in _styles().split(8)])


@cache
@torch.inference_mode()
def _styles() -> Tensor:
    generator = load_generator(BASE)
    z = torch.cat([latent_of(seed, generator.config.z_dim) for seed in SEEDS])
    ws: Tensor = generator.mapping(z, truncation_psi=PSI)
    return ws


def between(paths: Mapping[str, Path_], judges: Judges) -> str:
    """The table along α: faces, logits, and how far BASE's and TRANSFER's own pictures are."""
    base, wanted = paths[STRAIGHT][0], paths[STRAIGHT][-1]
    known = described(base)
    rows = []
    for i in (0, *TOLD):
        for name, path in paths.items():
            if i or name == STRAIGHT:
                far = [float(judges.distances(path[i], end).mean()) for end in (base, wanted)]
                person = float(np.linalg.norm(described(path[i]) - known, axis=1).mean())
                figures = [*told(path[i], list(judges.both)), f"{person:.2f}", *(f"{value:.2f}" for value in far)]
                rows.append([f"{i / STEPS:g}", name if i else BASE, *figures])
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


def described(drawn: Tensor) -> NDArray[np.float64]:
    """What dlib's recogniser says of each face: [N, 128]."""
    recogniser = Recogniser()
    return np.stack([recogniser.describe(crop) for crop in to_uint8(drawn)])


def whole(paths: Mapping[str, Path_], judges: Judges, models: Mapping[str, str]) -> str:
    """The table of each path as a whole: its end, its filters, its steps."""
    wanted = paths[STRAIGHT][-1]
    rows = []
    for name, path in paths.items():
        rmse = LEVELS / 2 * float((path[-1].clamp(-1, 1) - wanted.clamp(-1, 1)).square().mean().sqrt())
        far = float(judges.distances(path[-1], wanted).mean())
        rows.append([name, f"{rmse:.1f}", f"{far:.2f}", *_filters(models.get(name)), *_evenness(path, judges)])
    headings = "path", "RMSE of α = 1", "features", "filters: MAE", "cosine", "largest step", "way"
    return markdown(headings, rows)


def _filters(transfer: str | None) -> list[str]:
    if transfer is None:
        return ["", ""]
    a, b = (checkpoints.load(resolve(model)).tensors for model in (BASE, transfer))
    names = [name for name in a if name.startswith("synthesis.") and name.endswith(".weight") and a[name].ndim == 4]
    change = change_between([(a[name].float(), b[name].float()) for name in names])
    return [f"{change.mean_absolute:.3f}", f"{change.cosine:.3f}"]


def _evenness(path: Path_, judges: Judges) -> list[str]:
    """The largest of the steps over their mean, and their sum over the distance of the ends, each by pictures."""
    steps = torch.stack([judges.distances(a, b).sqrt() for a, b in zip(path, path[1:], strict=False)])  # [STEPS, N]
    whole = judges.distances(path[0], path[-1]).sqrt()
    largest, way = steps.amax(dim=0) / steps.mean(dim=0), steps.sum(dim=0) / whole
    return [f"{fmean(largest.tolist()):.2f}", f"{fmean(way.tolist()):.2f}"]


def sheet(paths: Mapping[str, Path_]) -> Image.Image:
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
    paths = {name: path_to(model) for name, model in models.items()}
    first, last = paths[STRAIGHT][0], paths[STRAIGHT][-1]
    paths[PIXELS] = [torch.lerp(first, last, i / STEPS) for i in range(STEPS + 1)]
    judges = Judges((load_discriminator(BASE), load_discriminator(TRANSFER)))
    course = f"{PLAN.steps} steps of {PLAN.batch} at a rate of {PLAN.rate:g}, {PLAN.precision}, seed {PLAN.seed}"
    text = "\n\n".join([
        f"`{BASE}` to `{TRANSFER}`, mapping and noise `{BASE}`'s; {len(SEEDS)} seeds, psi {PSI}. Learned: {course}.",
        between(paths, judges),
        "*person*: dlib's distance from the face in BASE's picture, under 0.6 as a rule the same person. *From ...*: "
        "how far the pictures are apart in the features of both discriminators.",
        "Each path as a whole:",
        whole(paths, judges, models),
    ])  # fmt: skip
    return Study(text, {"tuning-generators.png": sheet(paths)})


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
