"""`PhotoJob`: all that a redrawn photo depends on, and the ways to draw it: as it is shown, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import streamlit as st
from torch import Tensor

from app.engine import Engine, Pair
from app.photo.options import PhotoOptions
from app.photo.work import Order, PhotoWork
from app.scene import Scene
from blendgan.faces import Selection
from blendgan.live_photo import LivePhoto, Patch
from blendgan.projection import Finder, finder_of
from blendgan.redrawing import picture_bytes
from blendgan.sources import Source
from blendgan.toonification import ToonSettings
from projector.latent import Latent

MOST_FINDERS = 2  # what finds latents of a model: 15 MB for the shipped one, some 0.4 GB at 1024 px


@dataclass(frozen=True, eq=False)
class PhotoJob:
    """A scene, a photo, which of its faces, and how they are redrawn."""

    scene: Scene
    pair: Pair
    models: Engine
    work: PhotoWork
    finder: Finder
    options: PhotoOptions
    selection: Selection

    @property
    def settings(self) -> ToonSettings:
        """As `toonify` takes them."""
        return self.options.settings(self.selection)

    @property
    def order(self) -> Order:
        """What the latents depend on."""
        return Order(self.pair.sources[0].fingerprint, self.settings.selection, self.options.steps)

    @property
    def latent(self) -> Latent:
        """What the search has found."""
        return self.work.latent(self.order)

    @property
    def noun(self) -> str:
        """What is searched for, in words."""
        count = self.work.count(self.settings.selection)
        return "face" if count == 1 else f"{count} faces"

    @property
    def is_known(self) -> bool:
        """Whether the latents are there."""
        return self.work.knows(self.order)

    def search(self) -> Iterator[float]:
        """Find the latents; yields the share that is done."""
        return self.work.search(self.order, self.finder)

    def patches(self) -> tuple[Patch, ...]:
        """Redraw the photo as it is shown."""
        key = self.order, self.pair.sources[1].fingerprint, self.scene.recipe, self.settings
        return self.work.redrawn(key, self._patches)

    def _patches(self) -> tuple[Patch, ...]:
        """Face by face: between two faces others may draw."""
        live = self.work.live(self.order, self.finder)
        drawn = [self.models.run(partial(self._face, live, place)) for place in range(len(live.faces))]
        return self.models.run(lambda: live.patches(drawn, self.settings))

    def picture(self, ending: str, *, with_metadata: bool) -> bytes:
        """Redraw the photo whole: the very file that `blendgan toonify` writes."""
        whole = self.work.whole(self.order, self.finder)
        toon = self.models.run(lambda: whole.toon(self.pair.blended(self.scene.recipe), self.settings))
        return picture_bytes(toon, self.work.file, ending, with_metadata=with_metadata)

    def _face(self, live: LivePhoto, place: int) -> Tensor:
        return live.draw_face(self.pair.blended(self.scene.recipe), place)


def finder_for(source: Source, models: Engine) -> Finder:
    """Return what finds latents of a model, which all sessions share."""
    return _finder(source.fingerprint, source, models)


@st.cache_resource(show_spinner=False, max_entries=MOST_FINDERS)
def _finder(fingerprint: str, _source: Source, _models: Engine) -> Finder:
    return _models.run(lambda: finder_of(_source.checkpoint, device=_models.device))
