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
    return Windows(guide, trust, radius_px, smoothness).fit(target)


class Windows:
    """What of a fit does not depend on its target; see `fit`. For one guide and many targets."""

    def __init__(self, guide: Tensor, trust: Tensor, radius_px: int, smoothness: float) -> None:
        self.guide, self.trust, self.radius_px = guide, trust, radius_px
        squares = torch.stack([guide[i] * guide[j] for i, j in PAIRS])
        sums = box_mean(torch.cat([trust, trust * torch.cat([guide, squares])]), radius_px)
        self.weight = sums[:1] + LEAST_TRUST
        self.mean, square = (sums[1:] / self.weight).split([COLOURS, len(PAIRS)])
        variance = square - torch.stack([self.mean[i] * self.mean[j] for i, j in PAIRS])
        self.cofactors, self.determinant = _inverse(variance, smoothness)
        self.weights = box_mean(self.weight, radius_px)

    def fit(self, target: Tensor) -> Tensor:
        """Return the planes [4·C, H, W] of target [C, H, W]."""
        count, (height, width) = len(target), self.guide.shape[1:]
        products = (target[:, None] * self.guide[None]).reshape(-1, height, width)
        sums = box_mean(self.trust * torch.cat([target, products]), self.radius_px)
        mean_target, product = (sums / self.weight).split([count, COLOURS * count])
        covariance = product.reshape(count, COLOURS, height, width) - mean_target[:, None] * self.mean[None]
        gain = _solved(self.cofactors, self.determinant, covariance)  # [C, 3, H, W]
        offset = mean_target - (gain * self.mean[None]).sum(1)
        planes = torch.cat([gain.reshape(-1, height, width), offset])
        return box_mean(planes * self.weight, self.radius_px) / self.weights


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


def _inverse(variance: Tensor, smoothness: float) -> tuple[Tensor, Tensor]:
    """Cofactors [6, H, W] and determinant [H, W] of Σ + ε·1 at every pixel: Σ [6, H, W] by PAIRS."""
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
    return cofactors, xx * cofactors[0] + xy * cofactors[1] + xz * cofactors[2]


def _solved(cofactors: Tensor, determinant: Tensor, covariance: Tensor) -> Tensor:
    """Solve (Σ + ε·1) gain = covariance at every pixel; covariance and gain [C, 3, H, W]."""
    rows = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
    gain: Tensor = torch.stack([(cofactors[list(row)] * covariance).sum(1) for row in rows], dim=1) / determinant
    return gain
