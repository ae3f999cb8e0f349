"""Pictures -> latents by optimisation: find the w whose picture is nearest (StyleGAN2, appendix D).

w is written as mean + std · u, with mean and std measured on the generator's own mapping network, so that one
learning rate suits every model. Space "w" has one style for all layers, "w+" one per layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from projector.perceptual import Target, Weights
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import sample_w

SPACES = ("w", "w+")
STATISTICS_SAMPLES = 4096  # latents for mean and std of w


@dataclass(frozen=True)
class ProjectionConfig:
    """How to optimise. Learning rates are in standard deviations of w per step."""

    steps: int = 110
    space: str = "w+"
    learning_rate: float = 0.1
    rampup: float = 0.05  # share of the steps over which the rate rises (StyleGAN2, appendix D)
    rampdown: float = 0.25  # share of the steps over which it falls again, along a cosine
    candidates: int = 0  # random latents to start from the nearest of; 0 = the mean, from which blends come out cleaner
    jitter: float = 0.05  # noise on w at the start, in std of w; it ends after `jitter_ramp` of the steps
    jitter_ramp: float = 0.75
    prior: float = 0.06  # weight of mean(u²): keeps w where the generator, and so the blend, is at its best
    spread: float = 0.1  # weight of the layers' variance around their common style
    noise: float = 1e3  # weight of the noise maps' regularisation; 0 = noise maps stay as they are
    weights: Weights = Weights()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise InputError(f"space: found {self.space!r}, expected one of {', '.join(SPACES)}")
        if self.steps < 1:
            raise InputError(f"steps: found {self.steps}, expected at least 1")


@dataclass(frozen=True, eq=False)
class ProjectionStep:
    """After a step: w [N, num_ws, w_dim], fitted noise by layer, distances [N]."""

    index: int
    total: int
    w: Tensor
    noise: dict[str, Tensor]
    distances: Tensor


@dataclass(frozen=True, eq=False)
class Statistics:
    """Mean [w_dim] and standard deviation [w_dim] of w."""

    mean: Tensor
    std: Tensor


@torch.no_grad()
def w_statistics(generator: Generator, seed: int = 0) -> Statistics:
    """Measure w over random latents; labels, if any, are drawn evenly."""
    w = sample_w(generator, STATISTICS_SAMPLES, seed)
    return Statistics(w.mean(dim=0), w.std(dim=0))


def project(
    pictures: Tensor,
    generator: Generator,
    discriminator: Discriminator | None,
    config: ProjectionConfig = ProjectionConfig(),
) -> Iterator[ProjectionStep]:
    """Optimise for pictures [N, 3, R, R] in [-1, 1], all at once; yields after every step, the best last.

    Raises InputError if their size is not the generator's.
    """
    _check_size(pictures, generator)
    target = Target(pictures, discriminator, config.weights)
    statistics = w_statistics(generator, config.seed)
    rows = generator.config.num_ws if config.space == "w+" else 1
    u = _start(target, generator, statistics, config)[:, None].repeat(1, rows, 1).requires_grad_()
    noise = _start_noise(generator, pictures.shape[0]) if config.noise else {}
    optimizer = torch.optim.Adam([{"params": [u]}, {"params": list(noise.values())}], betas=(0.9, 0.99))
    draw = torch.Generator(pictures.device).manual_seed(config.seed)
    for index in range(config.steps):
        at = index / config.steps
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * ramp(at, config)
        w = _to_w(u + _jitter(u, at, config, draw), statistics, generator)
        distances = target.distance(generator.synthesis(w, noise=noise))
        loss = distances.sum() + _penalties(u, noise, config)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        normalise_noise(noise)
        fitted = {name: value.detach().clone() for name, value in noise.items()}
        yield ProjectionStep(
            index + 1, config.steps, _to_w(u.detach(), statistics, generator), fitted, distances.detach()
        )


def _check_size(pictures: Tensor, generator: Generator) -> None:
    found, expected = tuple(pictures.shape[2:]), generator.config.image_size
    if found != expected:
        raise InputError(f"projection: pictures of {found} px, the generator makes {expected}")


def _jitter(u: Tensor, at: float, config: ProjectionConfig, draw: torch.Generator) -> Tensor:
    """Noise for u that fades with the steps, so that the search does not settle early (StyleGAN2, appendix D)."""
    fade = max(0.0, 1 - at / config.jitter_ramp)
    return config.jitter * fade**2 * torch.randn(u.shape, generator=draw, device=u.device)


def ramp(at: float, config: ProjectionConfig) -> float:
    """The learning rate's factor at a share `at` of the steps: up in a line, down along a cosine."""
    down = min(1.0, (1 - at) / config.rampdown)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, (at + 1e-2) / config.rampup)


def _to_w(u: Tensor, statistics: Statistics, generator: Generator) -> Tensor:
    w = statistics.mean + statistics.std * u
    return w.expand(-1, generator.config.num_ws, -1)


@torch.no_grad()
def _start(target: Target, generator: Generator, statistics: Statistics, config: ProjectionConfig) -> Tensor:
    """u [N, w_dim] of the candidate nearest to each picture; half of a random face's distance from the mean."""
    count = target.pictures.shape[0]
    u = torch.zeros([count, statistics.mean.shape[0]], device=statistics.mean.device)
    best = torch.full([count], math.inf, device=u.device)
    candidates = 0.5 * (sample_w(generator, config.candidates, config.seed + 1) - statistics.mean) / statistics.std
    for candidate in torch.cat([u[:1], candidates]):
        picture = generator.synthesis(_to_w(candidate[None, None], statistics, generator))
        distance = target.distance(picture.expand(count, -1, -1, -1))
        nearer = distance < best
        best = torch.where(nearer, distance, best)
        u = torch.where(nearer[:, None], candidate, u)
    return u


def _penalties(u: Tensor, noise: dict[str, Tensor], config: ProjectionConfig) -> Tensor:
    """What keeps the solution plausible: near the mean, layers near each other, noise without structure."""
    prior = config.prior * u.square().mean(dim=[1, 2]).sum()
    spread = config.spread * u.var(dim=1, unbiased=False).mean(dim=1).sum()
    return prior + spread + config.noise * sum((noise_structure(n) for n in noise.values()), u.new_zeros([]))


# ---- noise maps (StyleGAN2, appendix D) -----------------------------------------------------------------------


def _start_noise(generator: Generator, count: int) -> dict[str, Tensor]:
    """Each layer's own noise, once per face, to be fitted: layer name -> [N, 1, H, W]."""
    return {
        name.removesuffix(".noise_const"): buffer[None, None].repeat(count, 1, 1, 1).requires_grad_()
        for name, buffer in generator.synthesis.named_buffers()
        if name.endswith(".noise_const")
    }


def noise_structure(noise: Tensor) -> Tensor:
    """Squared correlation of noise [N, 1, H, W] with itself one pixel to the side and down, at each scale to 8 px."""
    total = noise.new_zeros([])
    while True:
        for axis in (2, 3):
            total = total + (noise * noise.roll(1, axis)).mean(dim=[1, 2, 3]).square().sum()
        if min(noise.shape[2:]) <= 8:
            return total
        noise = torch.nn.functional.avg_pool2d(noise, 2) * 2  # keeps unit variance


@torch.no_grad()
def normalise_noise(noise: dict[str, Tensor]) -> None:
    """Bring every map back to mean 0 and variance 1, in place."""
    for value in noise.values():
        value.sub_(value.mean(dim=[1, 2, 3], keepdim=True))
        value.mul_((value.square().mean(dim=[1, 2, 3], keepdim=True) + 1e-8).rsqrt())
