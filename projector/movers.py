"""The ways to move through a projection's space: both say where to measure next, and are told what was found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from projector.adam import Adam
from projector.lbfgs import Lbfgs
from projector.noise_maps import normalise_noise
from projector.objective import Point, Score

if TYPE_CHECKING:
    from projector.curvature import Curvature
    from projector.optimise import ProjectionConfig

LBFGS_STEP = 0.03  # std of w; found by trying: a third of Adam's rate, since the line search may only shorten it


class Mover(Protocol):
    """Moves all faces at once, each by itself."""

    def trial(self) -> Point:
        """Where to measure next."""
        ...

    def move(self, score: Score) -> None:
        """Take what was found at the trial."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these faces alone (indices, or a mask)."""
        ...


class AdamMover:
    """Adam with ramps, and with noise on w that fades (StyleGAN2, appendix D); `config.steps` times."""

    def __init__(self, point: Point, config: ProjectionConfig) -> None:
        self.point, self.config, self.index = point, config, 0
        self.adam = Adam(point.tensors)
        self.draw = torch.Generator(point.u.device).manual_seed(config.seed)

    def trial(self) -> Point:
        """The point with noise on w: the same for all faces, so that none depends on how many there are."""
        fade = max(0.0, 1 - self.index / self.config.steps / self.config.jitter_ramp)
        noise = torch.randn(self.point.u.shape[1:], generator=self.draw, device=self.point.u.device)
        return Point(self.point.u + self.config.jitter * fade**2 * noise, self.point.noise)

    def move(self, score: Score) -> None:
        """One step against the gradient."""
        factor = ramp(self.index / self.config.steps, self.config.rampup, self.config.rampdown)
        self.adam.step(score.gradients, self.config.learning_rate * factor)
        normalise_noise(dict(self.point.noise))
        self.index += 1

    def keep(self, rows: Tensor) -> None:
        """These faces alone."""
        self.adam.keep(rows)
        self.point = self.point.like(self.adam.parameters)


class LbfgsMover:
    """L-BFGS on w, from what is known of the curvature, or from nothing.

    The noise maps stay as they are, since nothing would hold their variance at 1 meanwhile.
    """

    def __init__(self, point: Point, curvature: Curvature | None = None) -> None:
        self.point, self.curvature = point, curvature
        away = torch.zeros_like(point.u.flatten(1))  # from the point, in units in which the loss bends evenly
        self.lbfgs = Lbfgs(away, LBFGS_STEP, scale=0.0 if curvature is None else 1.0)

    def trial(self) -> Point:
        """The line search's next point."""
        return Point(self.point.u + self._root(self.lbfgs.trial).reshape(self.point.u.shape), self.point.noise)

    def move(self, score: Score) -> None:
        """Accept it or shorten the step, face by face."""
        self.lbfgs.move(score.losses, self._root(score.gradients[0].flatten(1)))

    def keep(self, rows: Tensor) -> None:
        """These faces alone."""
        self.lbfgs.keep(rows)
        self.point = self.point.kept(rows)

    def _root(self, x: Tensor) -> Tensor:
        return x if self.curvature is None else self.curvature.root(x)


def ramp(at: float, rampup: float, rampdown: float) -> float:
    """The learning rate's factor at a share `at` of the steps: up in a line, down along a cosine."""
    down = min(1.0, (1 - at) / rampdown) if rampdown else 1.0
    return (0.5 - 0.5 * math.cos(down * math.pi)) * (min(1.0, (at + 1e-2) / rampup) if rampup else 1.0)
