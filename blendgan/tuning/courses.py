"""What moves while a network learns, and its file, so that a training that was ended goes on as if it had not been."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from blendgan.tuning.pace import Paced, rate_at
from stylegan2.checkpoints import native
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import Diverged, InputError

KEY = "blendgan_course"  # of the file's metadata
STEEPEST = 0.5  # norm of the gradient, at most
MOMENTS = ("exp_avg", "exp_avg_sq")  # Adam's own, beside its count of steps


class Course:
    """Parameters that are learned, Adam, random numbers, and how many steps are done."""

    def __init__(self, learner: nn.Module, plan: Paced) -> None:
        self.plan = plan
        self.learned = dict(learner.named_parameters())
        self.adam = torch.optim.Adam(self.learned.values())
        self.draw = torch.Generator().manual_seed(plan.seed)
        self.step = 0

    def descend(self, loss: Tensor) -> float:
        """Take one step against the gradient of a loss, a single number, and return that number. Raises Diverged."""
        learned = list(self.learned.values())
        self.adam.param_groups[0]["lr"] = rate_at(self.plan, self.step)
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, STEEPEST)
        self.adam.step()
        self.step += 1
        found = float(loss.detach())
        if not math.isfinite(found):
            raise Diverged("the training's numbers became NaN or infinite; nothing was written. Give a smaller --rate")
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return all that it takes to go on."""
        found = {"draw": self.draw.get_state()}
        for name, parameter in self.learned.items():
            found[f"learned/{name}"] = parameter.detach()
            found |= {f"{moment}/{name}": self.adam.state[parameter][moment] for moment in MOMENTS}
        return found

    def resume(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Go on from what `tensors` gave after so many steps. Raises KeyError or RuntimeError for others, unchanged."""
        kinds = ("learned", *MOMENTS)
        found = {  # all of it before anything is changed
            name: [tensors[f"{kind}/{name}"].view(parameter.shape).to(parameter) for kind in kinds]
            for name, parameter in self.learned.items()
        }
        self.draw.set_state(tensors["draw"])
        for name, parameter in self.learned.items():
            learned, *moments = found[name]
            parameter.data.copy_(learned)
            self.adam.state[parameter] = {"step": torch.tensor(float(step)), **dict(zip(MOMENTS, moments, strict=True))}
        self.step = step


def save_course(course: Course, path: Path, said: Mapping[str, Any], recent: list[float]) -> None:
    """Write a course. `said`: what the training is of; `recent`: figures of its last steps."""
    note = json.dumps({"training": said, "step": course.step, "recent": recent}, sort_keys=True)
    tensors = {name: tensor.cpu().contiguous() for name, tensor in course.tensors().items()}
    with writing(path) as file:
        native.write_tensors(file, tensors, {KEY: note})


def load_course(course: Course, path: Path, said: Mapping[str, Any]) -> list[float]:
    """Let a course go on from a file, and return the figures of its last steps.

    Raises InputError for a file of another training, which is told, and for one that is none.
    """
    advice = "begin anew with --force, or choose another name with -o"
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
        wanted, found = json.loads(json.dumps(said)), note["training"]
        other = [key for key in wanted if found.get(key) != wanted[key]]
        if other:
            raise InputError(
                f"{path}: holds the training of {other[0]} {found.get(other[0])}, expected {wanted[other[0]]}; {advice}"
            )
        course.resume(tensors, int(note["step"]))
        return [float(figure) for figure in note["recent"]]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path}: found no training that could go on, it is damaged; {advice}") from error
