"""A batch cut into parts: one after the other in a process (gradient accumulation), side by side in several.

The discriminator compares pictures within groups (minibatch standard deviation), so a part is made of whole groups,
and its mean loss, averaged over the parts, is the batch's. Sample i of N shares a group with every (N / group)-th other
(`stylegan2.layers.MinibatchStddev`); in a part of n samples the same rule must find the same groups, so samples
are ordered by their place in the group first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.errors import InputError


@dataclass(frozen=True)
class Parts:
    """The parts of a batch that this process computes: for each, places in the whole batch."""

    batch: int
    count: int  # of parts of the whole batch, in all processes
    numbers: tuple[int, ...]  # of the parts here
    places: tuple[tuple[int, ...], ...]  # of each part here

    @property
    def here(self) -> tuple[int, ...]:
        """Every place that this process computes, part by part."""
        return tuple(place for part in self.places for place in part)

    def share(self, total: int) -> tuple[tuple[int, ...], ...]:
        """Return what each part here computes of `total` samples that belong to no group; it may be nothing."""
        return tuple(tuple(range(number, total, self.count)) for number in self.numbers)


def cut(batch: int, group: int, per_pass: int | None = None, *, processes: int = 1, rank: int = 0) -> Parts:
    """Cut a batch for process `rank` of `processes`, into passes of `per_pass` samples; None is one pass.

    group: the largest size of a group, 0 = the whole batch. Raises InputError where the parts would be unequal, or
    would tear groups.
    """
    size = group_size(batch, group)
    passes, rest = divmod(batch, (per_pass or 1) * processes)
    count = processes * (passes if per_pass else 1)
    groups = batch // size
    if (per_pass and rest) or groups % count:
        fitting = [n for n in range(1, groups + 1) if groups % n == 0 and n % processes == 0]
        sizes = ", ".join(str(batch // n) for n in fitting)
        expected = f"batch-gpu one of {sizes}" if fitting else f"a batch that is a multiple of {processes * size}"
        found = f"{batch} in {processes} process{'es' if processes > 1 else ''}"
        found += f", {per_pass} at a time" if per_pass else ""
        raise InputError(f"batch: found {found}; parts must hold whole groups of {size} pictures; expected {expected}")
    numbers = tuple(range(rank, count, processes))
    return Parts(batch, count, numbers, tuple(_places(number, count, groups, size) for number in numbers))


def group_size(batch: int, largest: int) -> int:
    """Return the size of the groups that a batch is compared in: the largest up to `largest` that divides it."""
    return next(size for size in range(min(largest, batch) or batch, 0, -1) if batch % size == 0)


def _places(number: int, count: int, groups: int, size: int) -> tuple[int, ...]:
    """Part `number` of `count` has a run of groups; member j of group m is sample j · groups + m."""
    each = groups // count
    first = number * each
    return tuple(member * groups + group for member in range(size) for group in range(first, first + each))


def at(tensor: Tensor, places: Sequence[int]) -> Tensor:
    """Return the entries of `tensor` [N, …] at some places; all of them, in order, cost nothing."""
    if tuple(places) == tuple(range(tensor.shape[0])):
        return tensor
    return tensor[torch.tensor(places, device=tensor.device, dtype=torch.long)]
