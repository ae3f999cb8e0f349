"""Features -> the picture that has them: equation 1 of Upchurch et al. 2017, by L-BFGS on the pixels.

    z = arg min ½ |φ(z) - target|² + λ R(z)        R(z) = Σ ((z[i,j+1] - z[i,j])² + (z[i+1,j] - z[i,j])²)^(β/2)

Features are those of `features.Space`; R is taken on levels of 0 to 255, summed over colours, with the paper's λ.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from blendgan.dfi.features import Space
from projector.lbfgs import Lbfgs
from stylegan2.errors import InputError

LEVELS = 127.5  # of 0 to 255 in a picture's 1
FIRST_STEP = 0.02  # of pixels in [-1, 1], root mean square: 2.5 levels
PATIENCE = 10  # evaluations in which the losses must have fallen by
LEAST_FALL = 1e-4  # this share, or the search is at its end: by eye nothing changes any more


@dataclass(frozen=True)
class Solver:
    """How to search: at most `steps` evaluations; λ and β of the total variation, as in the paper (section 3)."""

    steps: int = 100
    variation: float = 0.001
    beta: float = 2.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps: found {self.steps}, expected at least 1")
        if not 0 <= self.variation < float("inf"):
            raise InputError(f"tv: found {self.variation:g}, expected a weight of 0 or more")
        if not 2 <= self.beta < float("inf"):
            raise InputError(f"beta: found {self.beta:g}, expected 2 or more: below, flat places have no gradient")


@dataclass(frozen=True)
class Step:
    """One evaluation of the search: `index` of at most `total`, counted from 1; `loss` summed over the pictures."""

    index: int
    total: int
    loss: float


def total_variation(pictures: Tensor, beta: float = 2.0) -> Tensor:
    """R [N] of pictures [N, C, H, W]; differences across the rim count as 0."""
    right = F.pad(pictures[..., :, 1:] - pictures[..., :, :-1], (0, 1, 0, 0))
    down = F.pad(pictures[..., 1:, :] - pictures[..., :-1, :], (0, 0, 0, 1))
    squares = right.square() + down.square()
    return (squares if beta == 2 else squares.pow(beta / 2)).sum(dim=(1, 2, 3))


def reconstruct(
    space: Space, targets: Tensor, start: Tensor, solver: Solver = Solver()
) -> Generator[Step, None, Tensor]:
    """Yield steps, and return pictures [N, 3, H, W] whose features come near the targets [N, D].

    The search begins at `start` [N, 3, H, W] in [-1, 1]; each picture is a search by itself. What no feature tells
    stays as it is there. Raises InputError where the features are not finite.
    """
    search = Lbfgs(start.flatten(1), FIRST_STEP)
    fallen: list[Tensor] = []
    for index in range(1, solver.steps + 1):
        losses, gradients = _measure(space, targets, search.trial.reshape(start.shape), solver)
        if index == 1 and not bool(torch.isfinite(losses).all()):
            raise InputError("dfi: the features of the photo are not finite; choose other features or a smaller alpha")
        search.move(losses, gradients.flatten(1))
        fallen.append(search.losses)
        yield Step(index, solver.steps, float(search.losses.sum()))
        if index > PATIENCE and bool((fallen[-1 - PATIENCE] - fallen[-1] <= LEAST_FALL * fallen[-1]).all()):
            break
    return search.at.reshape(start.shape)


def _measure(space: Space, targets: Tensor, pictures: Tensor, solver: Solver) -> tuple[Tensor, Tensor]:
    """Losses [N] of equation 1 and their gradients [N, 3, H, W]."""
    pictures = pictures.detach().requires_grad_(True)
    with torch.enable_grad():
        losses = (space.of(pictures) - targets).square().sum(dim=1) / 2
        if solver.variation:
            losses = losses + solver.variation * total_variation(pictures * LEVELS, solver.beta)
        (gradients,) = torch.autograd.grad(losses.sum(), pictures)
    return losses.detach(), gradients
