"""How the distance between pictures bends along w: measured once for a model, it makes every search much faster.

A step along some directions of w changes a face a hundred times as much as along others, in much the same way
everywhere in the space (Wang & Ponce 2021), so the mean Hessian of the distance serves all faces. It is estimated from
gradients g = H δ at pictures a small random δ away: with δ of variance r² the mean of g gᵀ is r² H².
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from projector.objective import Objective, Point
from projector.optimise import ProjectionConfig
from projector.perceptual import Target
from projector.spaces import w_statistics
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.loading import sample_w

# By trial on the shipped BASE: 128 directions lead as fast as 480; floors of 0.003 and 0.03 are a little slower.
RANK, SAMPLES, AT_ONCE = 128, 480, 4
FLOOR = 0.01  # curvature where none was measured
TRUNCATION, VARIETY, REACH = 0.7, 0.3, 0.3  # of the faces; how far apart, in std, their layers are; length of δ


@dataclass(frozen=True, eq=False)
class Curvature:
    """The mean Hessian of the distance by u: leading directions [K, num_ws · w_dim] of unit length, curvatures [K].

    mapping: fingerprint of the mapping network of the model that it was measured on.
    """

    directions: Tensor
    curvatures: Tensor
    mapping: str = ""

    def root(self, x: Tensor) -> Tensor:
        """(H + floor)^(-1/2) x, row by row [N, D]: in u = root(v) the distance bends alike in all directions of v."""
        along: Tensor = (self.curvatures + FLOOR).rsqrt() - FLOOR**-0.5
        rooted: Tensor = FLOOR**-0.5 * x + (x @ self.directions.T * along) @ self.directions
        return rooted

    def fits(self, generator: Generator) -> bool:
        """Whether it has the generator's number and length of styles."""
        return self.directions.shape[1] == generator.config.num_ws * generator.config.w_dim

    def to(self, device: torch.device) -> Curvature:
        """The same on a device."""
        return replace(self, directions=self.directions.to(device), curvatures=self.curvatures.to(device))


def sample_gradients(
    generator: Generator, discriminator: Discriminator | None, samples: int = SAMPLES, seed: int = 0
) -> Iterator[Tensor]:
    """Yield gradients [n, num_ws · w_dim] of the distance by u, a few at a time."""
    statistics, rows = w_statistics(generator, seed), generator.config.num_ws
    faces = TRUNCATION * statistics.to_u(sample_w(generator, samples, seed + 1))
    draw = torch.Generator(generator.device).manual_seed(seed)
    config = ProjectionConfig(space="w+", prior=0, spread=0)
    for some in faces.split(AT_ONCE):
        shape = [len(some), rows, generator.config.w_dim]
        u = some[:, None] + VARIETY * torch.randn(shape, generator=draw, device=some.device)
        with torch.no_grad():
            pictures = generator.synthesis(statistics.to_w(u, rows))
        objective = Objective(generator, Target(pictures, discriminator, config.weights), statistics, config)
        away = REACH * torch.randn(shape, generator=draw, device=some.device)
        yield objective.score(Point(u + away, {})).gradients[0].flatten(1)


def curvature_of(gradients: Tensor, mapping: str = "", rank: int = RANK) -> Curvature:
    """Return the curvature that gradients [samples, D] show: the singular values of their matrix are those of r · H."""
    _, lengths, directions = torch.linalg.svd(gradients / len(gradients) ** 0.5, full_matrices=False)
    return Curvature(directions[:rank].contiguous(), lengths[:rank] / REACH, mapping)
