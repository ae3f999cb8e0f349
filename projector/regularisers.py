"""What keeps a latent plausible: penalties on u, w in standard deviations from the mean; a number for each face."""

from __future__ import annotations

from torch import Tensor


def prior(u: Tensor) -> Tensor:
    """Mean squared distance from the mean face, where a generator, and so its blend, is at its best: [N]."""
    return u.square().mean(dim=[1, 2])


def spread(u: Tensor) -> Tensor:
    """Variance of the layers' styles around their common mean: [N]; 0 in the space W."""
    return u.var(dim=1, unbiased=False).mean(dim=1)


def delta(u: Tensor) -> Tensor:
    """Mean squared change of style from one layer to the next: [N]; 0 in the space W.

    As the encoder e4e is held near W (Tov et al. 2021, equation 3), there with the first layer as the reference.
    """
    if u.shape[1] == 1:
        return u.new_zeros(u.shape[0])
    return u.diff(dim=1).square().mean(dim=[1, 2])
