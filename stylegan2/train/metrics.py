"""How far apart two sets of pictures are, from features [N, D] of each: statistics that rank generators.

The features may be anybody's; only on those of the Inception network of 2015 do these figures bear the names FID, KID,
precision and recall (`metric_figures`). All is computed in float64 and over all pairs: no random numbers are drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stylegan2.errors import InputError

NEIGHBOURS = 3  # k of the manifolds (Kynkäänniemi et al. 2019, section 3)
FEWEST = NEIGHBOURS + 2  # pictures of each set: fewer have no k-th neighbour, or no spread
ROWS = 1024  # of a table of distances at a time: 50,000 pictures must not take 20 GB


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """|μ_r − μ_f|² + tr(Σ_r + Σ_f − 2 (Σ_r Σ_f)^½), 0 for equal Gaussians (Heusel et al. 2017, equation 6).

    Few pictures make it larger: compare only figures of equally many. Raises InputError for fewer than 5.
    """
    (mean_r, spread_r), (mean_f, spread_f) = _gaussian(real), _gaussian(fake)
    values, vectors = torch.linalg.eigh(spread_r)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.t()
    # Σ_r Σ_f has the eigenvalues of root Σ_f root, which is symmetric: no complex numbers, no iteration.
    shared = torch.linalg.eigvalsh(root @ spread_f @ root).clamp(min=0).sqrt().sum()
    distance = (mean_r - mean_f).square().sum() + spread_r.trace() + spread_f.trace() - 2 * shared
    return max(float(distance), 0.0)  # rounding may leave −1e-12 between equal sets


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Unbiased MMD² under the kernel (x·y / D + 1)³ (Bińkowski et al. 2018, section 4), about 0 for equal sets.

    Over all pairs, where the paper averages over random subsets: the same expectation, less scatter. May be slightly
    negative. Raises InputError for fewer than 5 pictures.
    """
    real, fake = _checked(real), _checked(fake)
    n, m = len(real), len(fake)
    within_r = (_kernel_sum(real, real) - _kernel(real.square().sum(1), real.shape[1]).sum().item()) / (n * (n - 1))
    within_f = (_kernel_sum(fake, fake) - _kernel(fake.square().sum(1), fake.shape[1]).sum().item()) / (m * (m - 1))
    return within_r + within_f - 2 * _kernel_sum(real, fake) / (n * m)


def precision(real: Tensor, fake: Tensor) -> float:
    """Share of fakes that lie within the manifold of the real: are they good? (Kynkäänniemi et al. 2019, equation 2).

    Raises InputError for fewer than 5 pictures.
    """
    return _share_inside(_checked(real), _checked(fake))


def recall(real: Tensor, fake: Tensor) -> float:
    """Share of the real that lie within the manifold of the fakes: is there everything? (ibid.)."""
    return _share_inside(_checked(fake), _checked(real))


STATISTICS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "frechet": frechet_distance,
    "kernel": kernel_distance,
    "precision": precision,
    "recall": recall,
}


def _checked(features: Tensor) -> Tensor:
    if len(features) < FEWEST:
        raise InputError(f"metrics: found {len(features)} pictures, expected at least {FEWEST} of each set; give more")
    return features.double()


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [D] and covariance [D, D]."""
    features = _checked(features)
    return features.mean(dim=0), features.t().cov()


def _kernel(products: Tensor, dimensions: int) -> Tensor:
    return (products / dimensions + 1) ** 3


def _kernel_sum(x: Tensor, y: Tensor) -> float:
    """Sum of the kernel over all pairs."""
    return sum(_kernel(rows @ y.t(), x.shape[1]).sum().item() for rows in x.split(ROWS))


def _share_inside(manifold: Tensor, points: Tensor) -> float:
    """Share of points within the ball of any of the manifold's points, whose radius reaches its k-th neighbour."""
    radii = torch.cat(
        [_distances(rows, manifold).kthvalue(NEIGHBOURS + 1, dim=1).values for rows in manifold.split(ROWS)]
    )
    inside = [(_distances(rows, manifold) <= radii).any(dim=1) for rows in points.split(ROWS)]
    return torch.cat(inside).double().mean().item()


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean [N, M]; about 0 from a picture to itself, which so comes first of its neighbours."""
    return torch.cdist(x, y)
