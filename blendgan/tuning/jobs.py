"""Trainings from files to files: of a tuning for a main network, and of a main network itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from blendgan.tuning.costs import count
from blendgan.tuning.courses import Course
from blendgan.tuning.files import SHORT, Main, Tuned, check_target, save_main, save_tuned
from blendgan.tuning.forms import Form, build
from blendgan.tuning.pictures import Sources, read_sources
from blendgan.tuning.resumable import Job
from blendgan.tuning.training import (
    Plan,
    Step,
    check_patch,
    new_main,
    train_main,
    train_tuning,
)
from stylegan2.errors import InputError

MOST_WIDTH, MOST_BLOCKS = 1024, 256


@dataclass(eq=False)
class _Job(Job[Plan, Step]):
    """What both trainings have: pictures; the PSNRs of the last steps."""

    sources: Sources

    def _figure(self, step: Step) -> float:
        return step.psnr

    def _said(self) -> dict[str, Any]:
        return {**super()._said(), "pictures": self.sources.digest[:SHORT]}

    @property
    def psnr(self) -> float:
        """Mean PSNR in dB of the batches of the last steps."""
        return self.mean

    def _trained(self) -> dict[str, Any]:
        pictures = {"sizes": len(self.sources.pictures), "sha256": self.sources.digest}
        return {**self.plan.to_json(), "pictures": pictures, "psnr": round(self.psnr, 3)}


@dataclass(eq=False)
class TuningJob(_Job):
    """The training of a tuning; `levels`: of noise, the main network's and the second one."""

    tuned: Tuned
    levels: tuple[float, float]

    def _course(self) -> Course:
        return Course(self.tuned.tuning, self.plan)

    def _train(self, course: Course) -> Iterator[Step]:
        return train_tuning(self.tuned.main.restorer, self.tuned.tuning, self.sources, self.plan, course)

    def _about(self) -> dict[str, Any]:
        return {"main": self.tuned.main.file.fingerprint[:SHORT], "form": str(self.tuned.form)}

    def write(self) -> None:
        """Write the tuning."""
        trained = {**self._trained(), "noise": list(self.levels)}
        tuned = Tuned(self.tuned.main, self.tuned.tuning, self.tuned.form, trained, str(self.target))
        save_tuned(tuned, self.target, replace=self.replace)

    def sentences(self) -> Iterator[str]:
        """What was written, in lines."""
        yield f"wrote {self.target}: {self.tuned.form}, for {self.tuned.main.file.name}"
        yield f"at noise {self.plan.noise:g} the last batches have {self.psnr:.2f} dB"
        yield str(count(self.tuned.main.restorer, self.tuned.tuning))


@dataclass(eq=False)
class MainJob(_Job):
    """The training of a main network from nothing."""

    network: nn.Module

    def _course(self) -> Course:
        return Course(self.network, self.plan)

    def _train(self, course: Course) -> Iterator[Step]:
        return train_main(self.network, self.sources, self.plan, course)

    def _about(self) -> dict[str, Any]:
        return {"form": f"{type(self.network).__name__}, {sum(p.numel() for p in self.network.parameters())} numbers"}

    def write(self) -> None:
        """Write the network."""
        save_main(self.network, self.target, self._trained(), replace=self.replace)

    def sentences(self) -> Iterator[str]:
        """What was written, in lines."""
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        yield f"wrote {self.target}: {parameters:,} parameters"
        yield f"at noise {self.plan.noise:g} the last batches have {self.psnr:.2f} dB"


def tuning_job(
    main: Main,
    form: Form,
    folder: Path,
    levels: tuple[float, ...],
    plan: Plan,
    target: Path | None = None,
    *,
    replace: bool = False,
) -> TuningJob:
    """Return a job, all of whose inputs are checked; the target is by default METHOD-MAIN.safetensors.

    `levels`: of noise, two; the plan's is the second. Raises InputError.
    """
    if len(levels) != 2:
        found = ", ".join(f"{level:g}" for level in levels) or "none"
        raise InputError(f"noise: found {found}, expected two levels: the main network's and the second one, 20,80")
    Plan(levels[0])  # checked as the other one is
    if levels[0] == levels[1]:
        raise InputError(f"noise: found {levels[0]:g} twice, expected two different levels: 20,80")
    if target is None:
        target = Path(f"{form.method}-{Path(main.file.name).stem}.safetensors")
    if target.resolve() == Path(main.file.name).resolve():
        raise InputError(f"{target}: is the main network itself; choose another name with -o")
    check_target(target, replace=replace)
    check_patch(main.restorer, plan.patch_px)
    tuned = Tuned(main, build(main.restorer, form), form)
    sources = read_sources(folder, main.restorer.channels, plan.patch_px)
    return TuningJob(plan, target, replace, sources, tuned, (levels[0], levels[1]))


def main_job(
    folder: Path,
    channels: int,
    width: int,
    blocks: int,
    plan: Plan,
    target: Path,
    device: torch.device,
    *,
    replace: bool = False,
) -> MainJob:
    """Return the job of a residual denoiser, all of whose inputs are checked. Raises InputError."""
    if channels not in (1, 3):
        raise InputError(f"channels: found {channels}, expected 1 (grey) or 3 (colour)")
    for word, found, most in (("width", width, MOST_WIDTH), ("blocks", blocks, MOST_BLOCKS)):
        if not 1 <= found <= most:
            raise InputError(f"{word}: found {found}, expected a number from 1 to {most}")
    check_target(target, replace=replace)
    sources = read_sources(folder, channels, plan.patch_px)
    return MainJob(plan, target, replace, sources, new_main(channels, width, blocks, plan.seed).to(device))
