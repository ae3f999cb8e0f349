"""Colour that drifts between rows of pictures: measured, and matched, in CIE L*a*b*.

L*a*b* because a step of it is about as large to the eye in every direction, so that one number can say how far two
rows are apart. Pictures are float32 [N, 3, H, W] in [-1, 1], taken as sRGB.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Linear sRGB → XYZ of the white D65, and its curve (IEC 61966-2-1).
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
# XYZ / white → (L*, a*, b*), after the cube root (CIE 15, section 8.2.1); and where the root gives way to a line.
TO_LAB = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
BLACK = 16.0  # subtracted from L*
CORNER = 6 / 29


def to_lab(images: Tensor) -> Tensor:
    """Return L*a*b* [N, 3, H, W] of pictures [N, 3, H, W]: L* in [0, 100]. What lies outside [-1, 1] is clamped."""
    srgb = images.clamp(-1, 1).add(1).div(2)
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(TO_XYZ)
    xyz = _mixed(matrix / matrix.sum(1, keepdim=True), linear)  # white is (1, 1, 1), so that grey has no hue at all
    root = torch.where(xyz > CORNER**3, xyz.clamp(min=0) ** (1 / 3), xyz / (3 * CORNER**2) + 4 / 29)
    lab = _mixed(torch.tensor(TO_LAB), root)
    return torch.cat([lab[:, :1] - BLACK, lab[:, 1:]], dim=1)


def from_lab(lab: Tensor) -> Tensor:
    """Return pictures of L*a*b* [N, 3, H, W]; the inverse of `to_lab`. Colours that sRGB lacks are clamped."""
    shifted = torch.cat([lab[:, :1] + BLACK, lab[:, 1:]], dim=1)
    root = _mixed(torch.linalg.inv(torch.tensor(TO_LAB)), shifted)
    xyz = torch.where(root > CORNER, root**3, 3 * CORNER**2 * (root - 4 / 29))
    matrix = torch.tensor(TO_XYZ)
    linear = _mixed(torch.linalg.inv(matrix / matrix.sum(1, keepdim=True)), xyz).clamp(0, 1)
    srgb = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return srgb.mul(2).sub(1)


def drifts(rows: Sequence[Tensor]) -> tuple[float, ...]:
    """Return for each row [N, 3, H, W] how far its mean colour lies from the first row's: ΔE*ab (CIE 1976).

    About 2 can just be seen; the first is 0.
    """
    means = [_moments(to_lab(row))[0] for row in rows]
    return tuple(float((mean - means[0]).norm()) for mean in means)


def distances(images: Tensor, others: Tensor) -> Tensor:
    """Return how far the colours of two batches [N, 3, H, W] lie apart, pixel by pixel: ΔE*ab (CIE 1976) [N, 1, H, W].

    About 2 can just be seen, 100 is black and white.
    """
    found: Tensor = torch.linalg.vector_norm(to_lab(images) - to_lab(others), dim=1, keepdim=True)
    return found


def match(rows: Sequence[Tensor]) -> list[Tensor]:
    """Give each row the first row's mean and deviation, channel by channel of L*a*b*; the first stays as it is.

    Mean and deviation are of the row as a whole, so differences among its pictures remain.
    """
    mean, deviation = _moments(to_lab(rows[0]))
    return [rows[0], *(_moved(row, mean, deviation) for row in rows[1:])]


def take_colours(pictures: Tensor, references: Tensor, weights: Tensor) -> Tensor:
    """Give each picture [N, 3, H, W] its reference's mean and deviation, channel by channel of L*a*b*.

    Both are taken over pixels by `weights` [N, 1, H, W] ≥ 0 (Reinhard et al. 2001, "Color transfer between images", in
    another space of the kind).
    """
    triples = zip(pictures, references, weights, strict=True)
    moved = [_moved(p[None], *_moments(to_lab(r[None]), w[None]), w[None]) for p, r, w in triples]
    return torch.cat(moved)


def _moved(row: Tensor, mean: Tensor, deviation: Tensor, weights: Tensor | None = None) -> Tensor:
    lab = to_lab(row)
    own_mean, own_deviation = _moments(lab, weights)
    gain = torch.where(own_deviation > 0, deviation / own_deviation, torch.ones(()))  # a flat row stays flat
    return from_lab((lab - own_mean) * gain + mean)


def _moments(lab: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, both [3, 1, 1], of [N, 3, H, W]; `weights` [N, 1, H, W], None is all alike."""
    if weights is None:
        return lab.mean(dim=(0, 2, 3))[:, None, None], lab.std(dim=(0, 2, 3), correction=0)[:, None, None]
    shares = weights / weights.sum()
    mean = (shares * lab).sum(dim=(0, 2, 3))[:, None, None]
    return mean, (shares * (lab - mean).square()).sum(dim=(0, 2, 3)).sqrt()[:, None, None]


def _mixed(matrix: Tensor, images: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, images)
