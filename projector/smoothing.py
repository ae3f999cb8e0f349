"""Values over time, some of them missing, made smooth without lag: locally weighted polynomials. Pure arithmetic.

At every moment a parabola is fitted to the values about it, near ones weighing more, and read off there (Cleveland
1979; Cleveland and Devlin 1988). The whole recording is at hand, so the window is symmetric: what moves evenly, or
speeds up evenly, stays where it is; a filter that knows the past alone (one-euro, Casiez et al. 2012) trails behind.
Missing values are simply not fitted, so gaps are bridged by the same rule. The result is linear in the values.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REACH = 3.0  # of the window either way, in its standard deviations: beyond it a weight is under 1.1 %
SIDED = 2  # values that a parabola wants on either side; toward the ends of a recording a line is fitted


def reach_of(sigma: float) -> int:
    """Return how many steps before and after its middle a window of standard deviation `sigma`, in steps, holds."""
    return math.ceil(REACH * sigma)


def weights(offsets: NDArray[np.integer], sigma: float) -> Array:
    """Return what each value of a window counts in its middle: [M], of sum 1.

    `offsets` [M], M ≥ 1: when the known values are, in steps from the middle. `sigma`: the window's standard deviation
    in steps, above 0.
    """
    times = np.asarray(offsets, np.float64)
    near = np.exp(-0.5 * (times / sigma) ** 2)
    powers = times[:, None] ** np.arange(_degree(times) + 1)  # [M, degree + 1]
    moments = powers.T @ (near[:, None] * powers)
    at_middle = np.linalg.lstsq(moments, np.eye(len(moments))[0])[0]  # the polynomial's value at 0, by its coefficients
    return np.asarray(near * (powers @ at_middle))


def smooth(values: NDArray[np.floating], is_known: NDArray[np.bool_], sigma: float) -> Array:
    """Return values [T, ...] smooth over their first axis, those that are not known [T] filled in.

    Where no value is known within the window the nearest one stands. Raises ValueError if none is known at all.
    """
    known = np.flatnonzero(is_known)
    if not len(known):
        raise ValueError("smoothing: found no known value, expected at least one")
    smoothed = np.empty(values.shape, np.float64)
    reach = reach_of(sigma)
    for t in range(len(values)):
        near = known[np.searchsorted(known, t - reach) : np.searchsorted(known, t + reach, "right")]
        if not len(near):
            near = known[[np.abs(known - t).argmin()]]
        smoothed[t] = np.tensordot(weights(near - t, sigma), np.asarray(values[near], np.float64), 1)
    return smoothed


def _degree(times: Array) -> int:
    """2 in the midst of values, 1 toward an end, where a parabola would follow the noise; 0 for a value alone."""
    if (times < 0).sum() >= SIDED and (times > 0).sum() >= SIDED:
        return 2
    return 1 if len(times) > 1 else 0
