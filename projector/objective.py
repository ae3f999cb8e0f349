"""What a projection makes small, for each face by itself: the distance to its picture, and penalties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from projector.noise_maps import noise_structure
from projector.perceptual import Target
from projector.regularisers import delta, prior, spread
from projector.spaces import Statistics
from stylegan2.generator import Generator

if TYPE_CHECKING:
    from projector.optimise import ProjectionConfig


@dataclass(frozen=True, eq=False)
class Point:
    """Where the faces are: u [N, 1 or num_ws, w_dim], and noise by layer [N, 1, H, W], if it is fitted."""

    u: Tensor
    noise: Mapping[str, Tensor]

    @property
    def tensors(self) -> list[Tensor]:
        """All of it, u first."""
        return [self.u, *self.noise.values()]

    def like(self, tensors: list[Tensor]) -> Point:
        """A point of other tensors, in the order of `tensors`."""
        return Point(tensors[0], dict(zip(self.noise, tensors[1:], strict=True)))

    def kept(self, rows: Tensor) -> Point:
        """The point of these faces alone (indices, or a mask)."""
        return self.like([tensor[rows] for tensor in self.tensors])


@dataclass(frozen=True, eq=False)
class Score:
    """Of each face: the distance alone, the loss (with the penalties), and the loss's gradient by `Point.tensors`."""

    distances: Tensor  # [N]
    losses: Tensor  # [N]
    gradients: list[Tensor]


@dataclass(frozen=True, eq=False)
class Objective:
    """Distance and penalties of points; a face's numbers do not depend on its company."""

    generator: Generator
    target: Target
    statistics: Statistics
    config: ProjectionConfig

    def kept(self, rows: Tensor) -> Objective:
        """The same for these faces alone (indices, or a mask)."""
        return replace(self, target=self.target.kept(rows))

    def picture(self, point: Point) -> Tensor:
        """Draw the faces: [N, 3, R, R]."""
        w = self.statistics.to_w(point.u, self.generator.config.num_ws)
        return self.generator.synthesis(w, noise=point.noise)  # type: ignore[no-any-return]

    def loss(self, point: Point) -> tuple[Tensor, Tensor]:
        """Return distances [N] and losses [N]."""
        distances = self.target.distance(self.picture(point))
        return distances, distances + self.penalties(point)

    def penalties(self, point: Point) -> Tensor:
        """Near the mean, layers near each other, noise without structure: [N]."""
        terms = [(self.config.prior, prior), (self.config.spread, spread), (self.config.delta, delta)]
        weighted = [weight * term(point.u) for weight, term in terms if weight]
        weighted += [self.config.noise * noise_structure(n) for n in point.noise.values() if self.config.noise]
        return torch.stack(weighted).sum(dim=0) if weighted else point.u.new_zeros(len(point.u))

    def score(self, point: Point) -> Score:
        """Measure a point, and which way down it is."""
        with torch.enable_grad():
            leaf = point.like([tensor.detach().requires_grad_() for tensor in point.tensors])
            distances, losses = self.loss(leaf)
            gradients = torch.autograd.grad(losses.sum(), leaf.tensors)
        return Score(distances.detach(), losses.detach(), list(gradients))

    @torch.no_grad()
    def measure(self, point: Point) -> Score:
        """Measure a point without a gradient, in less than half the time."""
        return Score(*self.loss(point), [])
