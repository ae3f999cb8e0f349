"""A studio made personal: BASE tuned to the faces of one photo, and the blend of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from torch import Tensor

from blendgan.images import from_uint8, to_pictures
from blendgan.projection import Finder, Projection, draw
from blendgan.recipe import Recipe
from blendgan.schedule import alpha_at
from blendgan.spatial import SpatialSynthesis
from projector.alignment import AlignedFace
from projector.change_files import rounded
from projector.latent import Latent
from projector.optimise import ProjectionStep
from projector.tuning import TuningConfig, TuningStep, add_change, added, tune
from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator, SynthesisNetwork
from stylegan2.incremental import ActivationCache, IncrementalSynthesis
from stylegan2.sites import Site, sites

if TYPE_CHECKING:
    from blendgan.toonification import Studio

Change = Mapping[str, Tensor]  # native tensor name -> what to add
AnyWatcher = Callable[[ProjectionStep | TuningStep], None]  # of a search, and of the tuning after it


def change_for(
    faces: Sequence[AlignedFace],
    latent: Latent,
    finder: Finder,
    config: TuningConfig | None,
    watch: Callable[[TuningStep], None] | None = None,
) -> dict[str, Tensor]:
    """Tune to all faces of a photo together; returns the change of the generator's weights, rounded as in its file.

    Without a config there is no change.
    """
    if config is None:
        return {}
    device = finder.generator.device
    pictures = from_uint8(np.stack([face.crop for face in faces])).to(device)
    noise = {layer: value.to(device) for layer, value in latent.noise.items()}
    last = None
    for last in tune(pictures, latent.w.to(device), noise, finder.generator, finder.discriminator, config):
        if watch is not None:
            watch(last)
    if last is None:
        raise InputError("tuning: no steps were made; expected at least 1")
    return rounded(last.change)


def with_change(studio: Studio, change: Change) -> Studio:
    """A studio whose BASE has the change added, and whose blend has as much of it as it has of BASE.

    So it is the blend of the tuned BASE. (With all of the change in the layers that TRANSFER gives, its paint becomes
    grainy.)
    """
    if not change:
        return studio
    shares = base_shares(studio.blended.config, studio.recipe)
    partial = {name: shares.get(name, 1.0) * delta for name, delta in change.items()}
    finder = replace(studio.finder, generator=added(studio.base, change))
    blended = _to_change(studio.blended)
    if isinstance(blended.synthesis, SpatialSynthesis):
        add_change(blended.synthesis.base, change)
        add_change(blended.synthesis.blend, partial)
    else:
        add_change(blended.synthesis, partial)
    return replace(studio, finder=finder, blended=blended)


def _to_change(blended: Generator) -> Generator:
    """A copy whose weights may be changed; what a search has kept of its drawing belongs to the old ones."""
    synthesis = blended.synthesis
    if not isinstance(synthesis, IncrementalSynthesis):
        return deepcopy(blended)
    copy = deepcopy(blended, {id(synthesis.cache): ActivationCache()})  # an empty one in place of all that it holds
    copy.synthesis = cast(SynthesisNetwork, copy.synthesis.get_submodule("network"))
    return copy


def base_shares(config: GeneratorConfig, recipe: Recipe) -> dict[str, float]:
    """BASE's share, in [0, 1], of every tensor of a blend's synthesis; gains of single channels are left aside."""
    governed = [site for site in sites(config).values() if site.resolution is not None and site.layer is not None]
    return {site.name: min(1.0, max(0.0, 1.0 - _transfers_share(site, recipe))) for site in governed}


def _transfers_share(site: Site, recipe: Recipe) -> float:
    resolution, layer = site.resolution or 0, site.layer or 0
    return sum(each.weight * alpha_at(each.schedule, resolution, layer) for each in recipe.transfers)


def tuned_projection(
    projection: Projection, finder: Finder, config: TuningConfig, watch: Callable[[TuningStep], None] | None = None
) -> tuple[Projection, dict[str, Tensor]]:
    """A projection drawn by the generator tuned to it, and the change of the generator's weights."""
    latent, generator = projection.latent, finder.generator
    change = change_for(projection.faces, latent, finder, config, watch)
    return replace(projection, pictures=tuple(to_pictures(draw(added(generator, change), latent)))), change
