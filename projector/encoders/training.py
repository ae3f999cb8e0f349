"""Training an encoder, on the generator's own pictures, whose w is known, and on real crops beside them.

The losses are those of pSp and e4e (Richardson et al. 2021, section 3.2; Tov et al. 2021, section 3): how far the
picture is from the crop, by features and pixels; how far w is from the true one, where there is one; how far w is from
the mean, and its layers from each other. The encoder is asked `passes` times for each batch, and learns from each
(ReStyle, section 3.2).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from projector.encoders.network import Encoder, EncoderConfig
from projector.perceptual import Target, Weights
from projector.spaces import w_statistics
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.train.data import Dataset, seeded

LATENTS, JITTERS = 2, 3  # purposes of random numbers, beside those of the data
LARGEST_STEP = 1.0  # norm of the gradient: single odd crops once threw an encoder back by a tenth of its way


@dataclass(frozen=True)
class EncoderTraining:
    """How to train an encoder. Weights are of terms in standard deviations of w, or of a projection's distance."""

    kimg: float = 100.0  # thousand crops, of both kinds; each is looked at `passes` times
    batch: int = 8
    real: float = 0.5  # share of a batch that are real crops
    learning_rate: float = 1e-3
    rampdown: float = 0.5  # share of the run, at its end, over which the rate falls to 0 along a cosine
    ema: float = 0.998  # of the weights that are kept, a batch
    latent: float = 0.3  # weight of the squared distance to the true w
    prior: float = 0.01  # weight of mean(u²)
    spread: float = 0.02  # weight of the layers' variance around their common style
    jitter: float = 0.03  # std of shift, scale and roll of real crops, in shares of their side: points are never exact
    light: float = 0.15  # std of contrast and brightness, by channel and in all, of real crops: there are darker photos
    mirror: bool = True
    seed: int = 0
    weights: Weights = Weights()


@dataclass(frozen=True, eq=False)
class EncoderStep:
    """After a batch: how many there were, of how many; the mean distance of both kinds of crops after the last pass."""

    index: int
    total: int
    real: float
    own: float


class Course:
    """All that moves while an encoder learns: it, its average, which is what is kept, and the optimiser."""

    def __init__(self, encoder: Encoder, config: EncoderTraining) -> None:
        self.encoder, self.config, self.batches = encoder, config, 0
        self.average = copy.deepcopy(encoder).requires_grad_(False).eval()
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=config.learning_rate, betas=(0.9, 0.99))

    @property
    def total(self) -> int:
        """How many batches there are to be."""
        return max(1, math.ceil(self.config.kimg * 1000 / self.config.batch))

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average toward the encoder; at the start it is nearer, so that it forgets where it began."""
        beta = min(self.config.ema, (1 + self.batches) / (10 + self.batches))
        for mean, now in zip(self.average.parameters(), self.encoder.parameters(), strict=True):
            mean.lerp_(now, 1 - beta)


def new_encoder(generator: Generator, config: EncoderConfig, seed: int = 0) -> Encoder:
    """Return an untrained encoder of a generator's styles, in units of their mean and standard deviation."""
    encoder = Encoder(config)
    encoder.draw_weights(torch.Generator().manual_seed(seed))
    statistics = w_statistics(generator, seed)
    encoder.w_mean.copy_(statistics.mean)
    encoder.w_std.copy_(statistics.std)
    encoder.mapping = generator.mapping_fingerprint
    return encoder


def train_encoder(
    course: Course, data: Dataset, generator: Generator, discriminator: Discriminator | None
) -> Iterator[EncoderStep]:
    """Go on to the end of the course; yields after every batch, which any number reproduces."""
    config = course.config
    count_real = round(config.batch * config.real)
    while course.batches < course.total:
        _set_rate(course)
        number = course.batches
        crops, true_u = _batch(course, data, generator, number, count_real)
        distances = _learn(course, Target(crops, discriminator, config.weights), true_u, generator)
        course.batches += 1
        real, own = distances[:count_real], distances[count_real:]
        yield EncoderStep(course.batches, course.total, float(real.mean()), float(own.mean()))


def _set_rate(course: Course) -> None:
    config = course.config
    left = min(1.0, (1 - course.batches / course.total) / config.rampdown)
    for group in course.optimizer.param_groups:
        group["lr"] = config.learning_rate * (0.5 - 0.5 * math.cos(math.pi * left))


def _batch(course: Course, data: Dataset, generator: Generator, number: int, count_real: int) -> tuple[Tensor, Tensor]:
    """Crops [N, 3, R, R], real ones first, and the true u [n, num_ws, w_dim] of the others."""
    config, encoder = course.config, course.encoder
    device = encoder.w_mean.device
    real = data.batch(number, count_real, config.seed, mirror=config.mirror).pictures.to(device)
    real = disturbed(real, config, seeded(config.seed, JITTERS, number))
    w = drawn_styles(generator, config.batch - count_real, seeded(config.seed, LATENTS, number))
    with torch.no_grad():
        own = generator.synthesis(w)
    return torch.cat([real, own]).clamp(-1, 1), (w - encoder.w_mean) / encoder.w_std


def _learn(course: Course, target: Target, true_u: Tensor, generator: Generator) -> Tensor:
    """All passes over one batch, a step after each; returns the distances [N] after the last."""
    encoder, config = course.encoder, course.config
    u = encoder.w_mean.new_zeros(len(target.pictures), encoder.config.num_ws, encoder.config.w_dim)
    with torch.no_grad():
        pictures = generator.synthesis(encoder.start(1)).expand(len(u), -1, -1, -1)
    for _ in range(encoder.config.passes):
        u = u + encoder(target.pictures, pictures)
        pictures = generator.synthesis(encoder.w_mean + encoder.w_std * u)
        distances = target.distance(pictures)
        loss = distances.mean() + _penalties(u, true_u, config)
        course.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), LARGEST_STEP)
        course.optimizer.step()
        course.follow()
        u, pictures = u.detach(), pictures.detach()
    return distances.detach()


def _penalties(u: Tensor, true_u: Tensor, config: EncoderTraining) -> Tensor:
    own = u[len(u) - len(true_u) :]
    latent = (own - true_u).square().mean(dim=[1, 2]).sum() / len(u)
    spread = u.var(dim=1, unbiased=False).mean()
    return config.latent * latent + config.prior * u.square().mean() + config.spread * spread


# ---- what it is shown -----------------------------------------------------------------------------------------


def drawn_styles(generator: Generator, count: int, draw: torch.Generator) -> Tensor:
    """Return w [count, num_ws, w_dim] of random faces: half pure, half of two, the second from a random layer on."""
    config = generator.config
    z = torch.randn(2 * count, config.z_dim, generator=draw).to(generator.device)
    labels = None
    if config.num_classes:
        labels = torch.eye(config.num_classes)[torch.randint(config.num_classes, [2 * count], generator=draw)].to(z)
    first, second = generator.mapping.map(z, labels)[:, None].expand(-1, config.num_ws, -1).chunk(2)
    crossing = torch.randint(1, config.num_ws + 1, [count], generator=draw)
    crossing = torch.where(torch.rand(count, generator=draw) < 0.5, crossing, config.num_ws)
    from_second = torch.arange(config.num_ws) >= crossing[:, None]  # [count, num_ws]
    return torch.where(from_second[:, :, None].to(z.device), second, first)


def disturbed(crops: Tensor, config: EncoderTraining, draw: torch.Generator) -> Tensor:
    """Crops [N, 3, R, R] moved, scaled and turned a little, in light a little different: as other photos would be."""
    count = len(crops)
    shift_x, shift_y, growth, roll = (config.jitter * torch.randn(4, count, generator=draw)).unbind()
    scale = growth.exp()
    rows = torch.stack(
        [scale * roll.cos(), -scale * roll.sin(), shift_x, scale * roll.sin(), scale * roll.cos(), shift_y], dim=1
    ).reshape(count, 2, 3)
    grid = F.affine_grid(rows.to(crops), list(crops.shape), align_corners=False)
    moved = F.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
    light = config.light * torch.randn(2, count, 3, 1, 1, generator=draw)
    common = config.light * torch.randn(2, count, 1, 1, 1, generator=draw)
    contrast, brightness = (light / 2 + common).to(crops)
    lit: Tensor = moved * contrast.exp() + brightness
    return lit
