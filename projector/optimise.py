"""Pictures -> latents by optimisation: find the w whose picture is nearest (StyleGAN2, appendix D).

Space "w" has one style for all layers, "w+" one for each (Image2StyleGAN, Abdal et al. 2019), "w+n" fits the noise maps
too. The search starts from the mean face, or from a w that is near already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from projector.adam import Adam
from projector.noise_maps import normalise_noise, start_noise
from projector.objective import Objective, Point, Score
from projector.perceptual import Target, Weights
from projector.spaces import SPACES, start_u, w_statistics
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w


@dataclass(frozen=True)
class ProjectionConfig:
    """How to optimise. Learning rates are in standard deviations of w per step."""

    steps: int = 110  # 0 with a start: it is measured, and comes back
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
    seed: int = 0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(f"space: found {self.space!r}, expected one of {', '.join(SPACES)}")
        if self.steps < 0:
            raise InputError(f"steps: found {self.steps}, expected 0 or more")


REFINEMENT = ProjectionConfig(steps=5, jitter=0)  # after an encoder, which is near already


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
) -> Iterator[ProjectionStep]:
    """Optimise for pictures [N, 3, R, R] in [-1, 1], all at once; yields the start, then after every step.

    start [N, num_ws, w_dim]: the w to begin from, None = the mean face. focus [N, 1, R, R], 0 or more: how much each
    place counts, None = all alike. A face's result does not depend on the others. Raises InputError where sizes do not
    fit, and for 0 steps without a start.
    """
    _check(pictures, generator, config, start)
    statistics = w_statistics(generator, config.seed)
    objective = Objective(generator, Target(pictures, discriminator, config.weights, focus), statistics, config)
    point = _start(objective, start)
    search = Adam(point.tensors)
    best = Best(point, objective)
    draw = torch.Generator(pictures.device).manual_seed(config.seed)
    for index in range(config.steps):
        tried = Point(_jittered(point.u, index / config.steps, config, draw), point.noise)
        score = objective.score(tried)
        best.see(tried, score)
        yield best.step(index, config.steps)
        search.step(score.gradients, config.learning_rate * ramp(index / config.steps, config))
        normalise_noise(dict(point.noise))
    best.see(point, objective.measure(point))
    yield best.step(config.steps, config.steps)


class Best:
    """The best that was seen of each face, by its loss."""

    def __init__(self, point: Point, objective: Objective) -> None:
        self.objective = objective
        self.point = point.like([tensor.clone() for tensor in point.tensors])
        self.losses = torch.full([len(point.u)], math.inf, device=point.u.device)
        self.distances = self.losses.clone()

    def see(self, point: Point, score: Score) -> None:
        """Take over the faces that became better."""
        better = score.losses < self.losses
        for mine, new in zip(self.point.tensors, point.tensors, strict=True):
            mine[better] = new.detach()[better]
        self.losses[better], self.distances[better] = score.losses[better], score.distances[better]

    def step(self, index: int, total: int) -> ProjectionStep:
        """The event that tells of it."""
        w = self.objective.statistics.to_w(self.point.u, self.objective.generator.config.num_ws)
        noise = {name: value.clone() for name, value in self.point.noise.items()}
        return ProjectionStep(index, total, w.clone(), noise, self.distances.clone())


def _check(pictures: Tensor, generator: Generator, config: ProjectionConfig, start: Tensor | None) -> None:
    found, expected = tuple(pictures.shape[2:]), generator.config.image_size
    if found != expected:
        raise InputError(f"projection: pictures of {found} px, the generator makes {expected}")
    if start is None and config.steps == 0:
        raise InputError("steps: found 0, expected at least 1 where there is no w to start from")
    if start is not None and start.shape[0] != pictures.shape[0]:
        raise InputError(
            f"start: found w of {start.shape[0]} faces, expected {pictures.shape[0]}, one for each picture"
        )


def _jittered(u: Tensor, at: float, config: ProjectionConfig, draw: torch.Generator) -> Tensor:
    """u with noise that fades with the steps, so that the search does not settle early (StyleGAN2, appendix D).

    The same for all faces, so that none depends on how many there are.
    """
    fade = max(0.0, 1 - at / config.jitter_ramp)
    return u + config.jitter * fade**2 * torch.randn(u.shape[1:], generator=draw, device=u.device)


def ramp(at: float, config: ProjectionConfig) -> float:
    """The learning rate's factor at a share `at` of the steps: up in a line, down along a cosine."""
    down = min(1.0, (1 - at) / config.rampdown)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, (at + 1e-2) / config.rampup)


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
