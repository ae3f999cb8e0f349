"""The trainer of main networks and of tunings: noisy patches in, clean ones out; it yields a `Step` after each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from blendgan.restoration.networks import Residual
from blendgan.restoration.restorer import Restorer
from blendgan.tuning.courses import Course
from blendgan.tuning.pace import Precision, check_count, check_pace
from blendgan.tuning.pictures import Sources, draw_patches
from blendgan.tuning.tuning import Tuning
from stylegan2.errors import InputError

LEVELS = 255
LARGEST_PX = 1024  # of a patch
TAIL_SHRUNK = 0.1  # of a new network's last layer: it begins near the picture that it is given


@dataclass(frozen=True)
class Plan:
    """How to train: for which noise (standard deviation, of 255), how long, on what. Raises InputError.

    `rate`: Adam's, at its highest; it falls to 0 as half a cosine. Defaults are our own, for small networks on a CPU.
    FTN's wants to be small, since it multiplies whole filters: at 3e-4 it learned faster than at 1e-3, and at 1e-2 it
    left the main network for good. `precision`: of the networks' sums; numbers that are learned are float32.
    """

    noise: float
    steps: int = 2000
    rate: float = 3e-4
    batch: int = 16
    patch_px: int = 48
    seed: int = 0
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if not 0 <= self.noise <= LEVELS:
            raise InputError(f"noise: found {self.noise:g}, expected a standard deviation from 0 to {LEVELS}")
        check_pace(self)
        check_count("patch", self.patch_px, 8, LARGEST_PX)

    def to_json(self) -> dict[str, Any]:
        """What a result's file says of it."""
        return asdict(self)


@dataclass(frozen=True)
class Step:
    """One step that is done, `index` of `total`, and the PSNR of its batch in dB."""

    index: int
    total: int
    psnr: float


def train_tuning(
    restorer: Restorer, tuning: Tuning, sources: Sources, plan: Plan, course: Course | None = None
) -> Iterator[Step]:
    """Train a tuning at α = 1 for the noise of the plan; its main network stays as it is (Lee et al. 2020, section 3).

    The tuning is changed in place; `course` is its own, gone on with. Raises InputError for pictures that do not fit,
    Diverged where numbers become NaN.
    """
    check_patch(restorer, plan.patch_px)
    return _train(tuning.trained, course or Course(tuning, plan), restorer.scale, sources, plan)


def train_main(network: nn.Module, sources: Sources, plan: Plan, course: Course | None = None) -> Iterator[Step]:
    """Train a whole network of scale 1 for the noise of the plan, in place."""
    return _train(network.train(), course or Course(network, plan), 1, sources, plan)


def new_main(channels: int, width: int, blocks: int, seed: int) -> Residual:
    """Return a residual denoiser with random weights (He et al. 2015) that begins near the identity."""
    draw = torch.Generator().manual_seed(seed)
    network = Residual(channels, width, blocks)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:
                parameter.zero_()
            else:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=draw)
                if name.endswith("conv2.weight") or name == "tail.weight":
                    parameter.mul_(TAIL_SHRUNK)
    return network


def check_patch(restorer: Restorer, patch_px: int) -> None:
    """Raise InputError for a patch that the network would pad, which in training nobody does."""
    sides = patch_px // restorer.scale
    if patch_px % restorer.scale or restorer.sizes.padded(sides, sides) != (sides, sides):
        least = max(restorer.sizes.minimum, restorer.sizes.multiple)
        raise InputError(
            f"patch: found {patch_px} px, expected a multiple of {restorer.sizes.multiple * restorer.scale} px, at "
            f"least {least * restorer.scale}, for {restorer.name}, a {restorer.architecture}"
        )


def _train(run: Callable[[Tensor], Tensor], course: Course, scale: int, sources: Sources, plan: Plan) -> Iterator[Step]:
    device = next(iter(course.learned.values())).device
    while course.step < plan.steps:
        clean = draw_patches(sources, plan.batch, plan.patch_px, course.draw)
        given = _noisy(clean, scale, plan.noise, course.draw)
        given = given.to(device, memory_format=torch.channels_last)  # which convolutions are fastest in, here
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.precision == "bf16"):
            found = run(given)
        loss = course.descend((found.float() - clean.to(device)).square().mean())
        yield Step(course.step, plan.steps, _psnr(loss))


def _noisy(clean: Tensor, scale: int, noise: float, draw: torch.Generator) -> Tensor:
    """As `dni.degradation.degrade`, for a batch."""
    small = clean
    if scale > 1:
        size = [side // scale for side in clean.shape[2:]]
        small = functional.interpolate(clean, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    return small + torch.randn(small.shape, generator=draw) * (noise / LEVELS)


def _psnr(loss: float) -> float:
    return -10 * math.log10(max(loss, 1e-10))
