"""Which networks of a sweep need not see more pictures: those that the others beat for sure.

A race (Maron & Moore 1994; Birattari et al. 2002): after 3, 6, 12, 24 … pictures, each network is compared with the
one of the best mean, picture by picture, and leaves where it is worse by more than chance: where the mean of the
differences is above Student's t times its standard error, one-sided at 1 %. Differences of the same picture are small
and steady even where pictures are not, so that a few of them tell. The ends and the middle are never dropped: barrier
and comparison need them on every picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from blendgan.dni.quality import Metric

ANCHORS = (0.0, 0.5, 1.0)
FIRST_PICTURES = 3
# Student's t, one-sided 1 %, of n - 1 degrees of freedom, at the numbers of pictures n where networks are dropped.
STUDENT_T = {3: 6.965, 6: 3.365, 12: 2.718, 24: 2.500, 48: 2.408, 96: 2.366}
NORMAL_T = 2.326  # beyond them


def rungs(pictures: int) -> tuple[int, ...]:
    """Return after how many pictures networks are dropped, and at last how many there are: 12 pictures, (3, 6, 12)."""
    return (*_rungs_before(pictures), pictures)


def _rungs_before(pictures: int) -> Iterator[int]:
    rung = FIRST_PICTURES
    while rung < pictures:
        yield rung
        rung *= 2


def beaten(values: Mapping[float, Sequence[float]], metric: Metric) -> tuple[float, ...]:
    """Return the α's that cannot win any more. `values`: of each α that is left, on the same pictures in one order."""
    best = min(values, key=lambda alpha: (-metric.gain(fmean(values[alpha]), 0), alpha))
    return tuple(
        alpha
        for alpha, seen in values.items()
        if alpha not in ANCHORS and _is_beaten([metric.gain(b, v) for b, v in zip(values[best], seen, strict=True)])
    )


def _is_beaten(deficits: Sequence[float]) -> bool:
    """Whether the mean of what a network is worse by, picture by picture, is above chance."""
    count = len(deficits)
    error = stdev(deficits) / math.sqrt(count)
    mean = fmean(deficits)
    return mean > 0 and mean > STUDENT_T.get(count, NORMAL_T) * error
