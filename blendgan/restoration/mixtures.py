"""Restorers of one or more networks: with one set of weights, or with an α for each region of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blendgan.dni.mixing import check_alike, interpolate, shares_of
from blendgan.dni.network_files import NetworkFile
from blendgan.dni.repair_pictures import Mending
from blendgan.masks import Mask
from blendgan.restoration.recognition import recognise
from blendgan.restoration.region_map import GREYS, Levels, fit_mask, parse_levels, read_mask
from blendgan.restoration.regional import Regional
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import InputError

OUTPUT, FEATURES = "output", "features"


@dataclass(frozen=True, eq=False)
class Masking:
    """A mask, the αs of its greys, and where it acts: in the networks' `output`, or in their `features`."""

    mask: Mask
    levels: Levels
    place: str = OUTPUT

    def __post_init__(self) -> None:
        if self.place not in (OUTPUT, FEATURES):
            raise InputError(f"in: found {self.place!r}, expected {OUTPUT} or {FEATURES}")


@dataclass(frozen=True)
class Shares:
    """How networks are mixed: one weight for each, or, with a mask, by region; what restores the mixes' activations."""

    weights: tuple[float, ...]
    masking: Masking | None = None
    mending: Mending | None = None

    def to_json(self, networks: Sequence[NetworkFile]) -> dict[str, Any]:
        """What a picture's metadata says: networks with fingerprints and weights; the mask, its αs, where it acts."""
        said = [{"name": Path(network.name).name, "fingerprint": network.fingerprint} for network in networks]
        repair = {} if self.mending is None else {"repair": self.mending.to_json()}
        if self.masking is None:
            weighted = [one | {"weight": weight} for one, weight in zip(said, self.weights, strict=True)]
            return {"networks": weighted, **repair}
        masking = self.masking
        regions = {"mask": masking.mask.to_json(), "alphas": masking.levels.to_json(), "in": masking.place}
        return {"networks": said, **regions, **repair}


def plain_shares(count: int, alpha: float | None, weights: str | None) -> Shares:
    """Return the shares of networks without a mask, by what the command line says. Raises InputError, RecipeError."""
    if count > 1:
        return Shares(shares_of(count, alpha, weights))
    if alpha is not None or weights is not None:
        word = "alpha" if alpha is not None else "weights"
        raise InputError(f"{word}: found one network, expected two or more to mix; name the other before the picture")
    return Shares((1.0,))


def masked_shares(
    count: int, alpha: float | None, weights: str | None, mask: str, alphas: str | None, place: str
) -> Shares:
    """Return the shares of two networks by region; without `alphas` black is 0 and white `alpha`, or 1.

    Raises InputError for another number of networks, for weights, for `alpha` and `alphas` together, and for a mask
    that cannot be read.
    """
    if count != 2:
        raise InputError(
            f"mask: found {count} network{'s' * (count > 1)}, expected two: it picks the share of the second"
        )
    if weights is not None:
        raise InputError("weights: found with a mask, which picks them itself; say --alpha (of white) or --alphas")
    if alpha is not None and alphas is not None:
        raise InputError("alpha: found with --alphas, which say the shares of all greys; leave one of them out")
    levels = Levels((0, GREYS), (0.0, 1.0 if alpha is None else alpha)) if alphas is None else parse_levels(alphas)
    return Shares((), Masking(read_mask(mask), levels, place))


def mixture(networks: Sequence[NetworkFile], weights: Sequence[float], mending: Mending | None = None) -> Restorer:
    """Return the weighted mean of networks as a restorer (Wang et al. 2018, eq. 1 and 2); one network is itself.

    Raises UnknownFormat for an architecture that is not known, ShapeMismatch, which names the first differing tensor,
    and RecipeError for weights that are no shares.
    """
    first = recognise(networks[0].tensors, networks[0].name)
    if len(networks) == 1:
        return first
    check_alike(networks, weights)
    mixed = first.with_tensors(interpolate([network.tensors for network in networks], weights))
    if mending is not None:
        others = [recognise(network.tensors, network.name) for network in networks[1:]]
        mixed = mending.repairer([first, *others]).repair(mixed, weights).restorer
    return replace(mixed, name=" and ".join(network.name for network in networks))


def by_region(
    networks: Sequence[NetworkFile], masking: Masking, height: int, width: int, mending: Mending | None = None
) -> Regional:
    """Return the mixtures of two networks that a mask picks in a picture of height x width px.

    Raises as `mixture`, and InputError for a mask of another aspect, or where features cannot be mixed.
    """
    regions = fit_mask(masking.mask, masking.levels, height, width)
    restorers = tuple(mixture(networks, (1 - alpha, alpha), mending) for alpha in masking.levels.alphas)
    return Regional(restorers, regions, masking.place == FEATURES)
