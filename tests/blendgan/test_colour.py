"""L*a*b* against known colours, drift as a distance, matching that reaches its aim and keeps the pictures apart."""

from __future__ import annotations

import pytest
import torch

from blendgan.colour import drifts, from_lab, match, to_lab


def flat(*colour: float) -> torch.Tensor:
    """One picture of a colour in [0, 1]."""
    return torch.tensor(colour).mul(2).sub(1).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)


def noisy(seed: int, mean: float, spread: float) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    tint = torch.tensor([0.1, 0.0, -0.1]).reshape(1, 3, 1, 1) * seed
    return torch.randn(2, 3, 16, 16, generator=random) * spread + mean + tint


@pytest.mark.parametrize(
    ("colour", "lab"),
    [  # published values of the sRGB primaries under D65
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (100, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_known_colours(colour, lab):
    assert to_lab(flat(*map(float, colour)))[0, :, 0, 0].tolist() == pytest.approx(lab, abs=0.03)


def test_grey_has_no_hue():
    greys = torch.linspace(-1, 1, 65).reshape(1, 1, 1, -1).expand(1, 3, 1, 65)
    assert to_lab(greys)[:, 1:].abs().max() < 1e-3


def test_the_way_back():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(from_lab(to_lab(images)), images, atol=1e-4, rtol=0)


def test_drift_is_the_distance_of_the_means():
    rows = [flat(0, 0, 0), flat(1, 1, 1), flat(1, 0, 0), flat(0, 0, 0)]
    assert drifts(rows) == pytest.approx((0, 100, (53.24**2 + 80.09**2 + 67.20**2) ** 0.5, 0), abs=0.03)


def test_matching_gives_the_first_rows_mean_and_deviation():
    rows = [noisy(0, -0.2, 0.2), noisy(1, 0.2, 0.1)]
    assert drifts(rows)[1] > 10
    first, second = match(rows)
    assert torch.equal(first, rows[0])
    ours, theirs = to_lab(first), to_lab(second)
    torch.testing.assert_close(theirs.mean((0, 2, 3)), ours.mean((0, 2, 3)), atol=0.5, rtol=0)
    torch.testing.assert_close(theirs.std((0, 2, 3)), ours.std((0, 2, 3)), atol=1, rtol=0)  # some pixels were clamped
    assert drifts([first, second])[1] < 0.5


def test_a_flat_row_is_moved_and_stays_flat():
    _, moved = match([noisy(0, 0, 0.2), flat(0.9, 0.5, 0.1)])
    assert (moved - moved[:, :, :1, :1]).abs().max() < 1e-5
    assert drifts([noisy(0, 0, 0.2), moved])[1] < 0.1
