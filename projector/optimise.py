"""Pictures -> latents by optimisation: find the w whose picture is nearest (StyleGAN2, appendix D).

Space "w" has one style for all layers, "w+" one for each (Image2StyleGAN, Abdal et al. 2019), "w+n" fits the noise maps
too. The search starts from the mean face, or from a w that is near already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from projector.focus import face_focus
from projector.movers import AdamMover, LbfgsMover, Mover
from projector.noise_maps import start_noise
from projector.objective import Objective, Point, Score
from projector.perceptual import Target, Weights
from projector.spaces import SPACES, start_u, w_statistics
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w

if TYPE_CHECKING:
    from projector.curvature import Curvature

PLATEAU = 0.01  # share of the loss; what is less in `patience` steps cannot be seen


@dataclass(frozen=True)
class ProjectionConfig:
    """How to optimise. Learning rates are in standard deviations of w per step."""

    steps: int = 110  # of Adam; 0 with a start: it is measured, and comes back
    lbfgs: int = 0  # evaluations of L-BFGS after these, which moves w alone
    patience: int = 0  # steps without a loss lower by PLATEAU after which a face stops; 0 = it never does
    space: str = "w+n"
    learning_rate: float = 0.1
    rampup: float = 0.05  # share of the steps over which the rate rises (StyleGAN2, appendix D)
    rampdown: float = 0.25  # share of the steps over which it falls again, along a cosine
    candidates: int = 0  # random latents to start from the nearest of; 0 = the mean, from which blends come out cleaner
    jitter: float = 0.05  # noise on w at the start, in std of w; it ends after `jitter_ramp` of the steps
    jitter_ramp: float = 0.75
    prior: float = 0.06  # weight of mean(u²): keeps w where the generator, and so the blend, is at its best
    spread: float = 0.1  # weight of the layers' variance around their common style
    delta: float = 0.0  # weight of the mean squared change from layer to layer
    noise: float = 1e3  # weight of the noise maps' regularisation; only in the space w+n
    weights: Weights = Weights()
    focus: float = 0.0  # how much more the face counts than what is around it, where no mask is given; 1 = it alone
    seed: int = 0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(f"space: found {self.space!r}, expected one of {', '.join(SPACES)}")
        for name in ("steps", "lbfgs", "patience"):
            if getattr(self, name) < 0:
                raise InputError(f"{name}: found {getattr(self, name)}, expected 0 or more")


# Where the curvature is known, L-BFGS comes as near in 30 evaluations as Adam in 110 steps, in a quarter of the time.
# It also goes to places that Adam, with its noise on w, passes over: three times the penalties keep faces whole.
CURVED = ProjectionConfig(steps=30, space="w+", prior=0.18, spread=0.3)
# After an encoder, which is near already: without a curvature Adam's usual rate would first lead away from there.
REFINEMENT = ProjectionConfig(steps=7, space="w+", learning_rate=0.05, rampdown=0.5, jitter=0)


@dataclass(frozen=True, eq=False)
class ProjectionStep:
    """After so many steps, the best so far of each face: w [N, num_ws, w_dim], noise by layer, its distances [N]."""

    index: int
    total: int
    w: Tensor
    noise: dict[str, Tensor]
    distances: Tensor


def project(
    pictures: Tensor,
    generator: Generator,
    discriminator: Discriminator | None,
    config: ProjectionConfig = ProjectionConfig(),
    *,
    start: Tensor | None = None,
    focus: Tensor | None = None,
    curvature: Curvature | None = None,
) -> Iterator[ProjectionStep]:
    """Optimise for pictures [N, 3, R, R] in [-1, 1], all at once; yields the start, then after every step.

    start [N, num_ws, w_dim]: the w to begin from, None = the mean face. focus [N, 1, R, R], 0 or more: how much each
    place counts, None = as `config.focus` says. curvature: of the model; in the space w+ L-BFGS takes the steps then,
    not Adam. A face's result does not depend on the others. Raises InputError where sizes do not fit, and for 0
    steps without a start.
    """
    _check(pictures, generator, config, start)
    statistics = w_statistics(generator, config.seed)
    if focus is None and config.focus:
        focus = face_focus(len(pictures), pictures.shape[-1], config.focus).to(pictures)
    objective = Objective(generator, Target(pictures, discriminator, config.weights, focus), statistics, config)
    point = _start(objective, start)
    best, total = Best(point, objective), config.steps + config.lbfgs
    if not total:
        best.see(point, objective.measure(point), best.rows)
    curvature = curvature if config.space == "w+" else None
    if config.steps:
        mover: Mover = AdamMover(point, config) if curvature is None else LbfgsMover(point, curvature)
        yield from _go(mover, objective, best, range(config.steps), total)
    if config.lbfgs:
        mover = LbfgsMover(best.point if config.steps else point, curvature)
        yield from _go(mover, objective, best, range(config.steps, total), total)
    yield best.step(total, total)


def _go(mover: Mover, objective: Objective, best: Best, indices: range, total: int) -> Iterator[ProjectionStep]:
    """Measure and move; a face that no longer becomes better stops, and costs nothing from then on."""
    rows = best.rows
    best.age.zero_()
    for index in indices:
        trial = mover.trial()
        score = objective.score(trial)
        best.see(trial, score, rows)
        yield best.step(index, total)
        mover.move(score)
        going = best.age[rows] < (objective.config.patience or math.inf)
        if not bool(going.any()):
            return
        if not bool(going.all()):
            rows, objective = rows[going], objective.kept(going)
            mover.keep(going)
    trial = mover.trial()
    best.see(trial, objective.measure(trial), rows)


class Best:
    """The best that was seen of each face, by its loss, and for how many steps nothing was clearly better."""

    def __init__(self, point: Point, objective: Objective) -> None:
        self.objective = objective
        self.point = point.like([tensor.clone() for tensor in point.tensors])
        self.rows = torch.arange(len(point.u), device=point.u.device)
        self.losses = torch.full([len(point.u)], math.inf, device=point.u.device)
        self.distances, self.goals = self.losses.clone(), self.losses.clone()
        self.age = torch.zeros_like(self.rows)

    def see(self, point: Point, score: Score, rows: Tensor) -> None:
        """Take over what became better; the point and its score are those of the faces `rows`."""
        better = score.losses < self.losses[rows]
        won = rows[better]
        for mine, new in zip(self.point.tensors, point.tensors, strict=True):
            mine[won] = new.detach()[better]
        self.losses[won], self.distances[won] = score.losses[better], score.distances[better]
        clearly = score.losses < self.goals[rows]
        self.goals[rows] = torch.where(clearly, score.losses * (1 - PLATEAU), self.goals[rows])
        self.age[rows] = torch.where(clearly, 0, self.age[rows] + 1)

    def step(self, index: int, total: int) -> ProjectionStep:
        """The event that tells of it."""
        w = self.objective.statistics.to_w(self.point.u, self.objective.generator.config.num_ws)
        noise = {name: value.clone() for name, value in self.point.noise.items()}
        return ProjectionStep(index, total, w.clone(), noise, self.distances.clone())


def _check(pictures: Tensor, generator: Generator, config: ProjectionConfig, start: Tensor | None) -> None:
    found, expected = tuple(pictures.shape[2:]), generator.config.image_size
    if found != expected:
        raise InputError(f"projection: pictures of {found} px, the generator makes {expected}")
    if start is None and config.steps + config.lbfgs == 0:
        raise InputError("steps: found 0, expected at least 1 where there is no w to start from")
    if start is not None and start.shape[0] != pictures.shape[0]:
        raise InputError(
            f"start: found w of {start.shape[0]} faces, expected {pictures.shape[0]}, one for each picture"
        )


# ---- where the search starts ----------------------------------------------------------------------------------


def _start(objective: Objective, start: Tensor | None) -> Point:
    generator, config = objective.generator, objective.config
    count = objective.target.pictures.shape[0]
    if start is not None:
        u = start_u(start, objective.statistics, config.space, generator).clone()
    else:
        rows = 1 if config.space == "w" else generator.config.num_ws
        u = _nearest(objective)[:, None].repeat(1, rows, 1)
    return Point(u, start_noise(generator, count) if config.space == "w+n" else {})


@torch.no_grad()
def _nearest(objective: Objective) -> Tensor:
    """u [N, w_dim] of the candidate nearest to each picture; half of a random face's distance from the mean."""
    target, statistics, config = objective.target, objective.statistics, objective.config
    count = target.pictures.shape[0]
    u = torch.zeros([count, statistics.mean.shape[0]], device=statistics.mean.device)
    if not config.candidates:
        return u
    best = torch.full([count], math.inf, device=u.device)
    candidates = 0.5 * statistics.to_u(sample_w(objective.generator, config.candidates, config.seed + 1))
    for candidate in torch.cat([u[:1], candidates]):
        picture = objective.picture(Point(candidate[None, None], {}))
        distance = target.distance(picture.expand(count, -1, -1, -1))
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        u = torch.where(nearer[:, None], candidate, u)
    return u
