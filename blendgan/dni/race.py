"""Which networks of a sweep need not see more pictures: those that another beats for sure.

A race (Maron & Moore 1994; Birattari et al. 2002): after 3, 6, 12, 24 … pictures, each network is compared with the
one of the best mean, picture by picture, and leaves where it is clearly worse, by more than chance: where the mean of
the differences, less a tenth of the spread of all means, is above Student's t times its standard error, one-sided at
5 %. Differences on one picture are steadier than the pictures are, so that a few of them tell. Never dropped are the
ends and the middle, which barrier and comparison need on every picture, and the best one's neighbours, since curves
are flat there and the best may move.

Over 300 orders of 12 pictures, on four curves of two pairs, this never lost the best network and measured 54 to 96 %
of all; without the margin it lost it in 2 % of the orders of one curve, and keeping the better half each time
(successive halving) in 37 % of another's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from blendgan.dni.quality import Metric

ANCHORS = (0.0, 0.5, 1.0)
FIRST_PICTURES = 3
MARGIN = 0.1  # of the spread of all means
NEIGHBOURS = 2  # to each side of the best network
# Student's t, one-sided 5 %, of n - 1 degrees of freedom, at the numbers of pictures n where networks are dropped.
STUDENT_T = {3: 2.920, 6: 2.015, 12: 1.796, 24: 1.714, 48: 1.678, 96: 1.661}
NORMAL_T = 1.645  # beyond them


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
    place = sorted(values).index(best)
    margin = MARGIN * max(metric.gain(fmean(values[best]), fmean(seen)) for seen in values.values())
    kept = {*ANCHORS, *sorted(values)[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS + 1]}
    return tuple(
        alpha
        for alpha, seen in values.items()
        if alpha not in kept
        and _is_beaten([metric.gain(b, v) - margin for b, v in zip(values[best], seen, strict=True)])
    )


def _is_beaten(deficits: Sequence[float]) -> bool:
    """Whether the mean of what a network is worse by, picture by picture, is above 0 by more than chance."""
    count = len(deficits)
    error = stdev(deficits) / math.sqrt(count)
    mean = fmean(deficits)
    return mean > 0 and mean > STUDENT_T.get(count, NORMAL_T) * error
