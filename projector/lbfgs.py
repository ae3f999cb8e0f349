"""L-BFGS for many problems at once, each by itself: every face has its own history and its own step length.

SciPy and torch have it for one problem, of which they own the loop; here every evaluation is an event, all faces share
it, and no face waits for another's line search.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

MEMORY = 20  # pairs of changes that are kept; Nocedal & Wright 2006, section 7.2, have 3 to 20
SUFFICIENT = 1e-4  # share of the expected decrease that a step must bring (Nocedal & Wright, section 3.1)
SHORTEN = (0.1, 0.5)  # bounds of how much a step that brought less is shortened (Nocedal & Wright, section 3.5)
CURVATURE = 1e-8  # a pair whose curvature is below this share of its gradient's change is left out


class Lbfgs:
    """Minimise the losses [N] of rows x [N, D] (Nocedal & Wright 2006, algorithms 7.4 and 7.5, backtracking).

    Ask for `trial`, measure it, tell `move`; so one evaluation after another. `scale`: of the
    inverse Hessian, if it is known to be about that times the identity; else 0, and the first step is one whose numbers
    have the root mean square `first_step`.
    """

    def __init__(self, start: Tensor, first_step: float, scale: float = 0.0) -> None:
        self.first_step = first_step
        self.at = start.clone()
        self.losses = torch.full([len(start)], torch.inf, device=start.device)
        self.gradient = torch.zeros_like(start)
        self.direction = torch.zeros_like(start)
        self.lengths = torch.ones([len(start), 1], device=start.device)
        self.scale = torch.full([len(start), 1], scale, device=start.device)
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=MEMORY)  # s, y [N, D], 1/(s·y) or 0 [N, 1]

    @property
    def trial(self) -> Tensor:
        """Where to measure next: [N, D]."""
        return self.at + self.lengths * self.direction

    def move(self, losses: Tensor, gradients: Tensor) -> None:
        """Take the trial's losses [N] and gradients [N, D]: rows that fell go on from it, others shorten their step."""
        slope = dot(self.gradient, self.direction)  # [N, 1], below 0
        expected = SUFFICIENT * self.lengths * slope
        fell = (losses <= self.losses + expected[:, 0])[:, None]
        self._remember(self.lengths * self.direction, gradients - self.gradient, fell)
        shorter = self._shorter(losses, slope)
        self.at = torch.where(fell, self.trial, self.at)
        self.losses = torch.where(fell[:, 0], losses, self.losses)
        self.gradient = torch.where(fell, gradients, self.gradient)
        self.direction = torch.where(fell, -self._preconditioned(self.gradient), self.direction)
        self.lengths = torch.where(fell, torch.ones_like(self.lengths), shorter)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone (indices, or a mask)."""
        for name in ("at", "losses", "gradient", "direction", "lengths", "scale"):
            setattr(self, name, getattr(self, name)[rows])
        self.pairs = deque(((s[rows], y[rows], r[rows]) for s, y, r in self.pairs), maxlen=MEMORY)

    def _remember(self, s: Tensor, y: Tensor, fell: Tensor) -> None:
        """Rows without a usable pair get one of weight 0, which the recursion passes over."""
        curvature, change = dot(s, y), dot(y, y)
        usable = fell & (curvature > CURVATURE * change) & (change > 0)
        inverse = torch.where(usable, 1 / curvature, torch.zeros_like(curvature))
        self.scale = torch.where(usable, curvature / change, self.scale)
        self.pairs.append((s, y, inverse))

    def _preconditioned(self, gradient: Tensor) -> Tensor:
        """The inverse Hessian times the gradient (two-loop recursion, algorithm 7.4)."""
        q, shares = gradient, []
        for s, y, inverse in reversed(self.pairs):
            shares.append(inverse * dot(s, q))
            q = q - shares[-1] * y
        root_mean_square = gradient.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-30)
        r = q * torch.where(self.scale > 0, self.scale, self.first_step / root_mean_square)
        for (s, y, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            r = r + (share - inverse * dot(y, r)) * s
        return r

    def _shorter(self, losses: Tensor, slope: Tensor) -> Tensor:
        """Where the parabola through both losses and the slope is lowest, within bounds (equation 3.58)."""
        rise = (losses - self.losses)[:, None] - self.lengths * slope  # above 0 for a row that did not fall
        lowest = -self.lengths * slope / (2 * rise)
        return self.lengths * lowest.nan_to_num(SHORTEN[0]).clamp(*SHORTEN)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Row by row: [N, D], [N, D] -> [N, 1]."""
    return (a * b).sum(dim=1, keepdim=True)
