"""Pivotal tuning (Roich et al. 2021): move a generator's weights until its picture of a given w is the photo.

The w, the pivot, stays. Locality regularisation keeps the rest of the space as it was (section 3.3). What comes out is
the *change* of the weights: a task vector, which may be added to any relative of the generator, such as a blend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from projector.adam import Adam
from projector.movers import ramp
from projector.perceptual import Target, Weights
from projector.spaces import Statistics, w_statistics
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError, ShapeMismatch
from stylegan2.generator import Generator, Noise

SYNTHESIS = "synthesis."  # of native tensor names


@dataclass(frozen=True)
class TuningConfig:
    """How to tune. Defaults by eye and by likeness on the portraits (docs/projection.md), not the paper's."""

    steps: int = 40
    learning_rate: float = 1e-3  # per step and weight; weights are of unit scale (equalised learning rate)
    rampdown: float = 0.3  # share of the steps over which the rate falls to 0
    locality: float = 0.1  # weight of what keeps other faces as they were; the paper's λ_R, 0 = nothing does
    reach: float = 0.5  # how far from the pivot these faces are, in std of w; the paper's α
    weights: Weights = Weights()
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "locality", "reach"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"tuning: found {name} {getattr(self, name)}, expected 0 or more")


@dataclass(frozen=True, eq=False)
class TuningStep:
    """After so many steps: distances [N] of the faces, and that of another face to how it was.

    change: after the last step native tensor name -> what to add to it; before, nothing.
    """

    index: int
    total: int
    distances: Tensor
    locality: float
    change: dict[str, Tensor]


def tune(
    pictures: Tensor,
    w: Tensor,
    noise: Noise,
    generator: Generator,
    discriminator: Discriminator | None,
    config: TuningConfig = TuningConfig(),
    *,
    focus: Tensor | None = None,
) -> Iterator[TuningStep]:
    """Tune for pictures [N, 3, R, R] in [-1, 1] of pivots w [N, num_ws, w_dim], all into one change.

    The generator itself stays as it is. Yields the start, then after every step; `focus` is as in `project`. Raises
    InputError where sizes do not fit.
    """
    _check(pictures, w, generator)
    tuned = deepcopy(generator)
    names, weights = zip(*((n, p.requires_grad_()) for n, p in tuned.synthesis.named_parameters()), strict=True)
    before = [weight.detach().clone() for weight in weights]
    faces = Target(pictures, discriminator, config.weights, focus)
    others = Neighbours(generator, discriminator, w, config)
    adam = Adam([weight.detach() for weight in weights], betas=(0.9, 0.999))  # Kingma & Ba's, as in the paper
    for index in range(config.steps + 1):
        distances = faces.distance(tuned.synthesis(w, noise=noise))
        locality = others.distance(tuned) if config.locality else distances.new_zeros([])
        if index == config.steps:
            change = {SYNTHESIS + n: p.detach() - b for n, p, b in zip(names, weights, before, strict=True)}
            yield TuningStep(index, config.steps, distances.detach(), float(locality.detach()), change)
            return
        yield TuningStep(index, config.steps, distances.detach(), float(locality.detach()), {})
        gradients = torch.autograd.grad(distances.mean() + config.locality * locality, weights)
        adam.step(gradients, config.learning_rate * ramp(index / config.steps, 0.0, config.rampdown))


def added(generator: Generator, change: Mapping[str, Tensor]) -> Generator:
    """Return a copy of a generator with the change added to its synthesis; errors as in `add_change`."""
    copy = deepcopy(generator)
    add_change(copy.synthesis, change)
    return copy


@torch.no_grad()
def add_change(synthesis: nn.Module, change: Mapping[str, Tensor]) -> None:
    """Add a change to a synthesis network in place.

    Tensors that it does not have are passed over: models of another size share what both have. Raises ShapeMismatch
    for tensors of another shape.
    """
    for name, weight in synthesis.named_parameters():
        delta = change.get(SYNTHESIS + name)
        if delta is None:
            continue
        if delta.shape != weight.shape:
            raise ShapeMismatch(
                f"change: {name} has shape {tuple(delta.shape)}, the model's {tuple(weight.shape)}; expected a model "
                "of the family that was tuned"
            )
        weight.add_(delta.to(weight))


class Neighbours:
    """Faces at a fixed distance from the pivots, toward random ones; they shall look as before (equations 4 and 5)."""

    def __init__(self, generator: Generator, discriminator: Discriminator | None, w: Tensor, config: TuningConfig):
        self.generator, self.discriminator, self.pivots, self.config = generator, discriminator, w, config
        self.statistics = w_statistics(generator, config.seed)
        self.draw = torch.Generator(w.device).manual_seed(config.seed)
        self.count = 0

    def distance(self, tuned: Generator) -> Tensor:
        """Of one more neighbour, drawn by both generators: a scalar. Pivots take turns."""
        pivot = self.pivots[self.count % len(self.pivots)]
        self.count += 1
        w = neighbour(pivot, self._random_w(), self.config.reach, self.statistics)[None]
        with torch.no_grad():
            before = self.generator.synthesis(w)
        return Target(before, self.discriminator, self.config.weights).distance(tuned.synthesis(w))[0]

    @torch.no_grad()
    def _random_w(self) -> Tensor:
        config = self.generator.config
        z = torch.randn([1, config.z_dim], generator=self.draw, device=self.pivots.device)
        label = (
            torch.eye(config.num_classes, device=z.device)[[self.count % config.num_classes]]
            if config.num_classes
            else None
        )
        return self.generator.mapping.map(z, label)[0]


def neighbour(pivot: Tensor, w: Tensor, reach: float, statistics: Statistics) -> Tensor:
    """From the pivot [num_ws, w_dim] toward w [w_dim], so far that it moves by `reach` std, root mean square."""
    way = (w - pivot) / statistics.std
    return pivot + statistics.std * way * (reach / way.square().mean().sqrt().clamp(min=1e-8))


def _check(pictures: Tensor, w: Tensor, generator: Generator) -> None:
    found, expected = tuple(pictures.shape[1:]), (3, *generator.config.image_size)
    if found != expected:
        raise InputError(f"tuning: found pictures of shape {found}, the generator makes {expected}")
    if w.shape[0] != pictures.shape[0] or w.shape[0] == 0:
        raise InputError(f"tuning: found {w.shape[0]} w and {pictures.shape[0]} pictures, expected one w for each")
