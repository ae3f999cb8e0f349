"""FTN between two generators: of BASE's filters those are learned with which BASE draws TRANSFER's pictures.

    minimise over FTN  d( G(w; FTN(f)), TRANSFER(w) )              w = BASE's mapping of z, constant noise of BASE

It is the second training of Lee et al. 2020 (section 3: α = 1, main network frozen) with TRANSFER's picture of the same
w as what shall come out. All but the filters stays BASE's: constant, styles, biases, noise strengths. The distance d is
that of projections (projector/perceptual.py): pixels at several scales, and features of a discriminator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from blendgan.tuning.courses import Course
from blendgan.tuning.ftn import FTN
from blendgan.tuning.pace import Precision, check_pace
from projector.perceptual import Target
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.train.precision import compute_in

LEAST_PSI = 0.5  # latents are truncated by 0.5 to 1, as they are when pictures are drawn


@dataclass(frozen=True)
class ImitationPlan:
    """How to train. Raises InputError.

    `rate`: Adam's, at its highest; it rises over 50 steps and falls to 0 as half a cosine. With 3e-3 filters went six
    times as far to an end no better, and the path's middle was nearly there. `batch`: latents a step.
    `precision`: of the networks' sums above 4 px; filters that are learned are float32.
    """

    steps: int = 2000
    rate: float = 5e-4
    batch: int = 4
    seed: int = 0
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        check_pace(self)

    def to_json(self) -> dict[str, Any]:
        """What the result's file says of it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Pair:
    """What is imitated by what, all on one device.

    `base`: the main network. `wanted`: TRANSFER's synthesis with BASE's mapping and noise, as blends at α = 1 have it.
    `judge`: the discriminator whose features are compared; without one pixels alone are.
    """

    base: Generator
    wanted: Generator
    judge: Discriminator | None


@dataclass(frozen=True)
class Imitated:
    """One step that is done, `index` of `total`, and the mean distance of its batch, 0 for the very pictures."""

    index: int
    total: int
    distance: float


def train_imitation(tuning: FTN, pair: Pair, plan: ImitationPlan, course: Course | None = None) -> Iterator[Imitated]:
    """Train an FTN of the pair's BASE, in place, at α = 1; yield after each step. Raises Diverged.

    `course`: its own, gone on with. Between steps the networks are in the plan's precision, in the end in float32.
    """
    course = course or Course(tuning, plan)
    tuning.dial.turn(1.0)
    _compute_in(torch.bfloat16 if plan.precision == "bf16" else None, tuning, pair)
    try:
        while course.step < plan.steps:
            with torch.no_grad():
                ws = draw_styles(pair.base, plan.batch, course.draw)
                target = Target(pair.wanted.synthesis(ws), pair.judge)
            distance = course.descend(target.distance(tuning.main.synthesis(ws)).mean())  # type: ignore[operator]
            yield Imitated(course.step, plan.steps, distance)
    finally:
        _compute_in(None, tuning, pair)


def draw_styles(generator: Generator, count: int, draw: torch.Generator) -> Tensor:
    """Return ws [count, num_ws, w_dim] of random latents (and classes, if any), each truncated by a psi of its own."""
    config, device = generator.config, generator.device
    z = torch.randn(count, config.z_dim, generator=draw).to(device)
    c = None
    if config.num_classes:
        classes = torch.randint(config.num_classes, [count], generator=draw)
        c = torch.eye(config.num_classes)[classes].to(device)
    psi = LEAST_PSI + (1 - LEAST_PSI) * torch.rand(count, 1, 1, generator=draw).to(device)
    ws: Tensor = generator.mapping(z, c)
    return generator.mapping.w_avg + psi * (ws - generator.mapping.w_avg)


def _compute_in(dtype: torch.dtype | None, tuning: FTN, pair: Pair) -> None:
    main: Any = tuning.main
    for generator in (main, pair.wanted):
        generator.synthesis.compute_in(dtype, generator.config.resolutions[0])
    if pair.judge is not None:
        compute_in(dtype, main, pair.judge)
