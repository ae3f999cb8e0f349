"""A learned path as a model file: BASE with FTN(f) in the place of f.

By equation 1 of Lee et al. 2020 the filters at α are f (1 − α) + FTN(f) α, a straight line. So whoever takes BASE and
this file, as TRANSFER, walks the learned path: `blend`, recipes, masks, `toonify`, the explorer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blendgan import __version__, recipe
from blendgan.ancestry import parent_of
from blendgan.blending import blend
from blendgan.fitting import check_fit
from blendgan.inspection import TUNING
from blendgan.kinship import FAILS_BELOW, quick
from blendgan.licences import strictest
from blendgan.schedule import Uniform
from blendgan.sources import Source, open_source
from blendgan.tuning.courses import Course
from blendgan.tuning.files import SHORT, check_target
from blendgan.tuning.forms import Form
from blendgan.tuning.ftn import FTN
from blendgan.tuning.generators import Imitated, ImitationPlan, Pair, train_imitation
from blendgan.tuning.resumable import Job
from stylegan2 import load_discriminator, load_generator
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.headers import FORMAT
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError, RecipeError
from stylegan2.generator import Generator

RECOMMENDED = recipe.recipe_of(Uniform(0.5))  # filters were learned together, so they are taken together


@dataclass(eq=False)
class ImitationJob(Job[ImitationPlan, Imitated]):
    """The training of BASE's filters after TRANSFER; its figure is the distance from TRANSFER's pictures."""

    base: Source
    transfer: Source
    form: Form
    tuning: FTN
    pair: Pair

    def model(self) -> Checkpoint:
        """Return the model with the filters as they are now."""
        trained = {**self.plan.to_json(), "distance": round(self.mean, 4)}
        return tuned_model(self.base, self.transfer, self.tuning, {**self.form.to_json(), "trained": trained})

    def write(self) -> None:
        """Write the model. Raises InputError as `check_target`."""
        model = self.model()
        check_target(self.target, replace=self.replace)
        model.save(self.target, replace=self.replace)

    def sentences(self) -> Iterator[str]:
        """What was written, in lines."""
        base, transfer = (Path(source.name).name for source in (self.base, self.transfer))
        yield f"wrote {self.target}: {base} with filters learned after {transfer}; {self.form}"
        yield f"distance to the pictures of {transfer}: {self.mean:.3f} in the last batches"
        yield f"the path: blendgan blend {self.base.name} {self.target} --alpha 0.5"

    def _course(self) -> Course:
        return Course(self.tuning, self.plan)

    def _train(self, course: Course) -> Iterator[Imitated]:
        return train_imitation(self.tuning, self.pair, self.plan, course)

    def _figure(self, step: Imitated) -> float:
        return step.distance

    def _about(self) -> dict[str, Any]:
        prints = {name: getattr(self, name).fingerprint[:SHORT] for name in ("base", "transfer")}
        return {**prints, "form": str(self.form)}


def imitation_job(
    base: str,
    transfer: str,
    form: Form,
    plan: ImitationPlan,
    target: Path | None = None,
    device: torch.device | None = None,
    *,
    replace: bool = False,
) -> ImitationJob:
    """Return a job, all of whose inputs are checked; the target is by default ftn-BASE-TRANSFER.safetensors.

    Raises InputError; RecipeError for models that are the same, or not of one family; ShapeMismatch for models that
    do not fit; and what opening raises.
    """
    if form.method != "ftn":
        raise InputError(f"method: found {form.method}, expected ftn, the only one that gives a model's own filters")
    sources = open_source(base), open_source(transfer)
    if target is None:
        target = Path(f"ftn-{Path(base).stem}-{Path(transfer).stem}.safetensors")
    if target.resolve() in [Path(source.name).resolve() for source in sources]:
        raise InputError(f"{target}: is one of the two models; choose another name with -o")
    check_target(target, replace=replace)
    _check_pair(*sources)
    pair = open_pair(*sources, device)
    tuning = FTN(pair.base, groups=form.groups, variant=form.variant).to(pair.base.device)
    return ImitationJob(plan, target, replace, *sources, form, tuning, pair)


def open_pair(base: Source, transfer: Source, device: torch.device | None = None) -> Pair:
    """Build the networks of two models that fit. The judge is TRANSFER's, else BASE's, else none."""
    judged = next((one.checkpoint for one in (transfer, base) if one.checkpoint.discriminator is not None), None)
    wanted: Generator = load_generator(blend(base, transfer, Uniform(1.0)))
    judge: Discriminator | None = None if judged is None else load_discriminator(judged)
    place = device or torch.device("cpu")
    return Pair(load_generator(base.checkpoint).to(place), wanted.to(place), judge and judge.to(place))


def tuned_model(base: Source, transfer: Source, tuning: FTN, said: dict[str, Any]) -> Checkpoint:
    """Return BASE with FTN(f) in the place of f, in float32; TRANSFER's discriminator goes along, if there is one.

    `said`: of method and training, for the record under `tuning`. Lineage and licence are those of both models.
    """
    tensors = _generator_of(base.checkpoint) | second_filters(tuning)
    theirs = transfer.checkpoint
    tensors |= {name: theirs.tensors[name] for name in theirs.tensors if name.startswith(DISCRIMINATOR_PREFIX)}
    return Checkpoint(base.checkpoint.config, tensors, _metadata(base, transfer, said), theirs.discriminator)


def second_filters(tuning: FTN) -> dict[str, Tensor]:
    """Return FTN(f) of every layer by its native tensor name, float32 on the CPU."""
    return {f"{name}.weight": second.cpu().contiguous() for name, (_, second) in tuning.filters().items()}


def _generator_of(model: Checkpoint) -> dict[str, Tensor]:
    apart = (DISCRIMINATOR_PREFIX, RAW_PREFIX)
    return {name: model.tensors[name] for name in model.tensors if not name.startswith(apart)}


def _metadata(base: Source, transfer: Source, said: dict[str, Any]) -> dict[str, Any]:
    models = [(Path(one.name).name, one.fingerprint, one.checkpoint) for one in (base, transfer)]
    record = {
        **said,
        "version": __version__,
        "base": {"name": models[0][0], "fingerprint": models[0][1]},
        "imitates": {"name": models[1][0], "fingerprint": models[1][1]},
    }
    metadata = {
        "format": FORMAT,
        TUNING: record,
        recipe.KEY: recipe.to_json(RECOMMENDED),
        "lineage": {TUNING: [parent_of(*model) for model in models]},
    }
    licence = strictest(checkpoint.metadata.get("licence") for _, _, checkpoint in models)
    return metadata if licence is None else {**metadata, "licence": licence}


def _check_pair(base: Source, transfer: Source) -> None:
    check_fit(base, transfer)
    if base.fingerprint == transfer.fingerprint:
        raise RecipeError(f"{base.name} (BASE) and {transfer.name} (TRANSFER) are one model: nothing is to be learned")
    found = quick(base.checkpoint, transfer.checkpoint)
    if found < FAILS_BELOW:
        raise RecipeError(
            f"{base.name} (BASE) and {transfer.name} (TRANSFER) are not of one family: their filters correlate by "
            f"{found:.2f}, expected at least {FAILS_BELOW}; choose the BASE that TRANSFER was trained from (`blendgan "
            "inspect BASE TRANSFER` compares two models)"
        )
