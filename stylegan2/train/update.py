"""One step of one network, gathered from the parts of a batch: gradients and figures are means over all of them."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.train import processes
from stylegan2.train.parts import Parts
from stylegan2.train.precision import LossScale


class Update:
    """Add up the parts' gradients and figures, then `finish`: a step with what one process would have at once.

    checked: whether gradients may overflow, as in fp16; a step with such is left out.
    """

    def __init__(self, optimizer: torch.optim.Adam, scale: LossScale, parts: Parts, *, checked: bool) -> None:
        self.optimizer, self.scale, self.parts, self.checked = optimizer, scale, parts, checked
        self.sums: dict[str, Tensor] = {}
        optimizer.zero_grad(set_to_none=True)

    def add(self, loss: Tensor, **figures: Tensor) -> None:
        """Add a part's mean loss (a scalar with a graph), and what else to know the batch's mean of."""
        (loss * (self.scale.factor / self.parts.count)).backward()
        for name, figure in figures.items():
            self.note(name, figure / self.parts.count)

    def note(self, name: str, share: Tensor) -> None:
        """Add a part's share of a figure, as it is."""
        share = share.detach()
        self.sums[name] = self.sums[name] + share if name in self.sums else share

    def finish(self) -> dict[str, Tensor]:
        """Join the processes' sums, take the step, and return the batch's figures."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in parameters if p.grad is not None]
        names = sorted(self.sums)
        sums = [self.sums[name].clone() for name in names]  # a figure may be a view
        processes.sum_in_place([*gradients, *sums])
        self.scale.divide(gradients)
        if not self.checked or self.scale.adapt(gradients):
            self.optimizer.step()
        return dict(zip(names, sums, strict=True))


def to_numbers(figures: dict[str, Tensor]) -> dict[str, float]:
    """Return scalars as numbers."""
    return {name: figure.item() for name, figure in figures.items()}
