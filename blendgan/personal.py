"""A studio made personal: BASE tuned to the faces of one photo, and the same change added to the blend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from blendgan.images import from_uint8, to_pictures
from blendgan.projection import Finder, Projection, draw
from projector.alignment import AlignedFace
from projector.change_files import rounded
from projector.latent import Latent
from projector.optimise import ProjectionStep
from projector.tuning import TuningConfig, TuningStep, added, tune
from stylegan2.errors import InputError

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
    """A studio whose BASE and blend have the change added: as a task vector, it means the same in both."""
    if not change:
        return studio
    finder = replace(studio.finder, generator=added(studio.base, change))
    return replace(studio, finder=finder, blended=added(studio.blended, change))


def tuned_projection(
    projection: Projection, finder: Finder, config: TuningConfig, watch: Callable[[TuningStep], None] | None = None
) -> tuple[Projection, dict[str, Tensor]]:
    """A projection drawn by the generator tuned to it, and the change of the generator's weights."""
    latent, generator = projection.latent, finder.generator
    change = change_for(projection.faces, latent, finder, config, watch)
    return replace(projection, pictures=tuple(to_pictures(draw(added(generator, change), latent)))), change
