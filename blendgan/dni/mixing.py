"""The weighted mean of networks, theta = sum_i w_i theta_i (Wang et al. 2018, eq. 1 and 2), by the loop of all blends.

With w_i >= 0 and sum w_i = 1 it is BASE + sum_i w_i (theta_i - BASE), so `combine` does it, and its laws hold: a weight
of 1 gives that network's very tensors, whatever the others hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from blendgan.combine import Share, combine
from stylegan2.errors import RecipeError

Integers = Literal["nearest"]  # of buffers that have no mean: those of the network with the largest weight


def interpolate(
    states: Sequence[Mapping[str, Tensor]], weights: Sequence[float], *, integers: Integers = "nearest"
) -> dict[str, Tensor]:
    """Return the mean of networks of one architecture as new tensors, of the first one's types.

    Two networks A, B with weights (1 - alpha, alpha): alpha is B's share. Raises RecipeError for weights that are
    negative or do not add up to 1.
    """
    if any(weight < 0 for weight in weights) or not math.isclose(sum(weights), 1, abs_tol=1e-6):
        raise RecipeError(f"weights: found {', '.join(map(str, weights))}, expected numbers of at least 0 with sum 1")
    base, *others = states
    shares = [
        Share(str(index), state, dict.fromkeys(base, weight))
        for index, (state, weight) in enumerate(zip(others, weights[1:], strict=True))
    ]
    return combine(base, shares)
