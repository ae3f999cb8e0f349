"""Which networks leave a race."""

from __future__ import annotations

import pytest

from blendgan.dni.quality import open_metric
from blendgan.dni.race import beaten, rungs

PSNR = open_metric("psnr")
ALPHAS = tuple(i / 20 for i in range(21))


def values(best: float, slope: float, *pictures: float) -> dict[float, list[float]]:
    """A peak at `best`, and pictures that are higher or lower as a whole."""
    return {alpha: [picture - slope * abs(alpha - best) for picture in pictures] for alpha in ALPHAS}


@pytest.mark.parametrize(
    ("pictures", "expected"), [(1, (1,)), (3, (3,)), (4, (3, 4)), (12, (3, 6, 12)), (13, (3, 6, 12, 13))]
)
def test_rungs(pictures, expected):
    assert rungs(pictures) == expected


def test_what_is_worse_on_every_picture_leaves_though_pictures_differ():
    dropped = beaten(values(0.3, 2.0, 20, 35, 28), PSNR)
    assert dropped == tuple(a for a in ALPHAS if abs(a - 0.3) > 0.101 and a not in (0, 0.5, 1))


def test_what_may_be_chance_stays():
    seen = values(0.3, 0.0, 30, 30, 30)
    seen[0.3] = [30.1, 30.0, 30.2]
    seen[0.8] = [30.9, 30.0, 29.2]  # better on one picture
    seen[0.9] = [29.0, 29.1, 29.0]
    assert beaten(seen, PSNR) == (0.9,)


def test_equal_networks_all_stay():
    assert beaten(values(0.3, 0.0, 20, 30, 40), PSNR) == ()


def test_where_less_is_better_the_lowest_wins():
    lpips = type(PSNR)("lpips", "", False, lambda a, b: 0.0)
    seen = {alpha: [alpha, alpha + 0.1, alpha + 0.2] for alpha in ALPHAS}
    assert beaten(seen, lpips) == tuple(a for a in ALPHAS if 0.1 < a < 1 and a != 0.5)
