"""Which networks some figures need, opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylegan2.errors import InputError
from stylegan2.loading import ModelLike
from stylegan2.train.metric_features import FeatureNetwork, open_discriminator
from stylegan2.train.metric_figures import DISCRIMINATOR, FIGURES, INCEPTION, check_figures
from stylegan2.train.metric_inception import find_inception, has_library, open_inception

INCEPTION_FIGURES = ("fid", "kid", "precision", "recall")
DISCRIMINATOR_FIGURES = ("dfd", "dkd", "d-precision", "d-recall")
SHIPPED = "portraits"  # whose discriminator sees the pictures where no other is given


def open_networks(
    names: Sequence[str],
    device: torch.device,
    discriminator: ModelLike = SHIPPED,
    inception: Path | None = None,
) -> dict[str, FeatureNetwork]:
    """Return network name -> network, for these figures.

    inception: the file of its weights, else torch hub's cache is looked into. Raises InputError for a name that is no
    figure and for Inception weights that are missing or others, CheckpointError for a model without discriminator.
    """
    check_figures(names)
    needed = {FIGURES[name].network for name in names}
    networks: dict[str, FeatureNetwork] = {}
    if INCEPTION in needed:
        networks[INCEPTION] = open_inception(find_inception(inception), device)
    if DISCRIMINATOR in needed:
        networks[DISCRIMINATOR] = open_discriminator(discriminator, device)
    return networks


def default_figures(inception: Path | None) -> tuple[str, ...]:
    """Return what is measured when nothing is asked for: Inception's figures where its weights are, else others."""
    if inception is not None:
        return INCEPTION_FIGURES  # asked for: what is missing is an error
    try:
        find_inception()
    except InputError:
        return DISCRIMINATOR_FIGURES
    return INCEPTION_FIGURES if has_library() else DISCRIMINATOR_FIGURES
