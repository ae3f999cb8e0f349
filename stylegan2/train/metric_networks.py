"""Which networks some figures need, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stylegan2.errors import InputError
from stylegan2.loading import ModelLike
from stylegan2.train.metric_features import DiscriminatorFeatures, FeatureNetwork, open_discriminator
from stylegan2.train.metric_figures import DISCRIMINATOR, FIGURES, INCEPTION, LPIPS, check_figures
from stylegan2.train.metric_inception import find_inception, has_library, open_inception
from stylegan2.train.metric_lpips import find_vgg, open_lpips
from stylegan2.train.metric_paths import Distance

INCEPTION_FIGURES = ("fid", "kid", "precision", "recall")
DISCRIMINATOR_FIGURES = ("dfd", "dkd", "d-precision", "d-recall")
SHIPPED = "portraits"  # whose discriminator sees the pictures where no other is given


@dataclass(frozen=True, eq=False)
class Networks:
    """What sees pictures, by the names of `metric_figures`: features, distances, and the SHA-256 of each."""

    features: Mapping[str, FeatureNetwork]
    distances: Mapping[str, Distance]
    fingerprints: Mapping[str, str]


@dataclass(frozen=True)
class Sources:
    """Where networks come from. inception, vgg: their weights, else torch hub's cache is looked into."""

    discriminator: ModelLike = SHIPPED
    inception: Path | None = None
    vgg: Path | None = None


def open_networks(names: Sequence[str], device: torch.device, sources: Sources = Sources()) -> Networks:  # noqa: B008 — a frozen dataclass
    """Return the networks that these figures need.

    Raises InputError for a name that is no figure and for weights that are missing or others, CheckpointError for a
    model without discriminator.
    """
    check_figures(names)
    needed = {FIGURES[name].network for name in names}
    parts = []
    if INCEPTION in needed:
        inception = open_inception(find_inception(sources.inception), device)
        parts.append(Networks({INCEPTION: inception}, {}, {INCEPTION: inception.fingerprint}))
    if LPIPS in needed:
        lpips = open_lpips(find_vgg(sources.vgg), device)
        parts.append(Networks({}, {LPIPS: lpips}, {LPIPS: lpips.fingerprint}))
    if DISCRIMINATOR in needed:
        parts.append(networks_around(open_discriminator(sources.discriminator, device)))
    return _joined(parts)


def networks_around(discriminator: DiscriminatorFeatures) -> Networks:
    """Return what the figures of a discriminator need."""
    return Networks(
        {DISCRIMINATOR: discriminator},
        {DISCRIMINATOR: discriminator.distance},
        {DISCRIMINATOR: discriminator.fingerprint},
    )


def _joined(parts: Sequence[Networks]) -> Networks:
    return Networks(
        {name: network for part in parts for name, network in part.features.items()},
        {name: distance for part in parts for name, distance in part.distances.items()},
        {name: fingerprint for part in parts for name, fingerprint in part.fingerprints.items()},
    )


def default_figures(inception: Path | None) -> tuple[str, ...]:
    """Return what is measured when nothing is asked for: Inception's figures where its weights are, else others."""
    if inception is not None:
        return INCEPTION_FIGURES  # asked for: what is missing is an error
    try:
        find_inception()
    except InputError:
        return DISCRIMINATOR_FIGURES
    return INCEPTION_FIGURES if has_library() else DISCRIMINATOR_FIGURES
