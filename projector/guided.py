"""A picture that follows another's edges: the guided filter with a guide in colour, fitted small and applied large.

In every window the target is fitted as an affine function of the guide's colour, target ≈ gain · colour + offset (He,
Sun & Tang 2013, "Guided Image Filtering", equations 4 to 6, for colour 19 and 20), and the windows that cover a pixel
are averaged (equation 8). Gains and offsets vary slowly, so they may be fitted on a small copy and applied to the
guide at its full size (He & Sun 2015, "Fast Guided Filter"): the result has the full guide's edges.

Here every pixel also has a trust, its weight in the fit: where the target is not to be believed, or not known, it is
told by pixels of like colour nearby.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

COLOURS = 3
PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # of a symmetric 3x3 matrix
LEAST_TRUST = 1e-6  # keeps the means of a window without any trust finite: they are those of nothing, about 0


def fit(guide: Tensor, target: Tensor, trust: Tensor, radius_px: int, smoothness: float) -> Tensor:
    """Return the planes [4·C, H, W] of target [C, H, W] as an affine function of the guide [3, H, W].

    `trust` [1, H, W] ≥ 0. Windows reach `radius_px` to each side. `smoothness` is the paper's ε, against the variance
    of the guide in its own units: steps of the guide well above its root are kept. `apply` evaluates the planes.
    """
    count, (height, width) = len(target), guide.shape[1:]
    squares = torch.stack([guide[i] * guide[j] for i, j in PAIRS])
    products = (target[:, None] * guide[None]).reshape(-1, height, width)
    sums = box_mean(torch.cat([trust, trust * torch.cat([guide, target, squares, products])]), radius_px)
    weight = sums[:1] + LEAST_TRUST
    mean, mean_target, square, product = (sums[1:] / weight).split([COLOURS, count, len(PAIRS), COLOURS * count])
    variance = square - torch.stack([mean[i] * mean[j] for i, j in PAIRS])
    covariance = product.reshape(count, COLOURS, height, width) - mean_target[:, None] * mean[None]
    gain = _solved(variance, covariance, smoothness)  # [C, 3, H, W]
    offset = mean_target - (gain * mean[None]).sum(1)
    planes = torch.cat([gain.reshape(-1, height, width), offset])
    return box_mean(planes * weight, radius_px) / box_mean(weight, radius_px)


def apply(planes: Tensor, guide: Tensor) -> Tensor:
    """Evaluate planes [4·C, H, W] at the guide [3, H, W]: [C, H, W]."""
    count = len(planes) // (COLOURS + 1)
    gain, offset = planes.split([COLOURS * count, count])
    red, green, blue = (gain[i::COLOURS] * guide[i : i + 1] for i in range(COLOURS))
    told: Tensor = offset + red + green + blue
    return told


def box_mean(planes: Tensor, radius_px: int) -> Tensor:
    """Mean of [C, H, W] over squares of 2 · radius + 1 px; beyond the rim there is nothing."""
    side = 2 * radius_px + 1
    rows = F.avg_pool2d(planes[None], (side, 1), 1, (radius_px, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, side), 1, (0, radius_px), count_include_pad=False)[0]


def _solved(variance: Tensor, covariance: Tensor, smoothness: float) -> Tensor:
    """Solve (Σ + ε·1) gain = covariance at every pixel: Σ [6, H, W] by PAIRS, covariance and gain [C, 3, H, W]."""
    xx, xy, xz, yy, yz, zz = variance
    xx, yy, zz = xx + smoothness, yy + smoothness, zz + smoothness
    cofactors = torch.stack(
        [
            yy * zz - yz * yz,
            xz * yz - xy * zz,
            xy * yz - xz * yy,
            xx * zz - xz * xz,
            xy * xz - xx * yz,
            xx * yy - xy * xy,
        ]
    )
    determinant = xx * cofactors[0] + xy * cofactors[1] + xz * cofactors[2]
    rows = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
    gain: Tensor = torch.stack([(cofactors[list(row)] * covariance).sum(1) for row in rows], dim=1) / determinant
    return gain
