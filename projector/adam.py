"""Adam, the optimiser of projection and tuning.

`torch.optim` has it too, but imports torch's compiler on its first use, which takes as long as twenty steps do.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

EPSILON = 1e-8  # Kingma & Ba 2015, algorithm 1


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) for tensors that it changes in place.

    betas: the decay of the mean gradient and of the mean squared one, in [0, 1).
    """

    def __init__(self, parameters: Sequence[Tensor], betas: tuple[float, float] = (0.9, 0.99)) -> None:
        self.parameters = list(parameters)
        self.betas = betas
        self.mean = [torch.zeros_like(p) for p in self.parameters]
        self.square = [torch.zeros_like(p) for p in self.parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Move every parameter against its gradient, by about `rate` in each of its numbers."""
        self.steps += 1
        first, second = self.betas
        unbias = 1 / (1 - second**self.steps)  # both means start at 0
        for p, gradient, mean, square in zip(self.parameters, gradients, self.mean, self.square, strict=True):
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            scale = (square * unbias).sqrt_().add_(EPSILON)
            p.addcdiv_(mean, scale, value=-rate / (1 - first**self.steps))

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of every parameter alone (indices, or a mask); they are new tensors."""
        self.parameters, self.mean, self.square = (
            [tensor[rows] for tensor in tensors] for tensors in (self.parameters, self.mean, self.square)
        )
