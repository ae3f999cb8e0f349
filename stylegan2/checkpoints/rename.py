"""Rules that turn a dialect's tensors into ours: a pattern, our name, and what happens to the numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.checkpoints.foreign_tensors import ForeignTensor
from stylegan2.config import STANDARD_FIR
from stylegan2.errors import CheckpointError

Change = Callable[[Tensor], Tensor]


def as_is(tensor: Tensor) -> Tensor:
    """No change."""
    return tensor


@dataclass(frozen=True)
class Rule:
    """`pattern` matches a whole foreign name; `name` is ours, with \\1 for groups, or None for what we do not keep.

    `axes` is the number that the tensor must have for `change`; others stay, for the check of shapes to report.
    """

    pattern: str
    name: str | None
    change: Change = as_is
    axes: int | None = None


def rename(foreign: Mapping[str, ForeignTensor], rules: Iterable[Rule]) -> dict[str, Tensor]:
    """Return the tensors under our names. Names that no rule knows stay, for the check of shapes to report."""
    compiled = [(re.compile(rule.pattern), rule) for rule in rules]
    native: dict[str, Tensor] = {}
    for name, tensor in foreign.items():
        match, rule = next(((m, rule) for pattern, rule in compiled if (m := pattern.fullmatch(name))), (None, None))
        if rule is not None and rule.name is None:
            continue
        ours = match.expand(rule.name) if match and rule and rule.name else name
        if ours in native:
            raise CheckpointError(f"{name}: found a second tensor for {ours}, expected one")
        native[ours] = _changed(tensor.read(), rule)
    return native


def _changed(tensor: Tensor, rule: Rule | None) -> Tensor:
    if rule is not None and rule.axes in (None, tensor.ndim):
        tensor = rule.change(tensor)
    return (tensor if tensor.is_floating_point() else tensor.float()).contiguous()


def fir_from_kernel(kernel: Tensor) -> tuple[float, ...]:
    """Return the 1-D taps of a stored filter, [k] or separable [k, k], whatever its gain.

    Raises CheckpointError for a filter that is not separable.
    """
    kernel = kernel.double()
    taps = kernel.sum(0) if kernel.ndim == 2 else kernel
    total = float(taps.sum()) if taps.ndim == 1 and taps.numel() else 0.0
    if not total or not math.isfinite(total):
        raise CheckpointError(
            f"resampling filter: found shape {list(kernel.shape)}, expected [k] or [k, k], finite, not 0"
        )
    taps = taps / total
    if kernel.ndim == 2 and not torch.allclose(kernel / kernel.sum(), torch.outer(taps, taps), atol=1e-5):
        raise CheckpointError("resampling filter: found one that is not separable, expected an outer product")
    standard = torch.tensor(STANDARD_FIR, dtype=torch.float64) / sum(STANDARD_FIR)
    is_standard = taps.shape == standard.shape and torch.allclose(taps, standard, atol=1e-6)
    return STANDARD_FIR if is_standard else tuple(taps.tolist())
