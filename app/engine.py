"""`Engine`: the models of one process, which all sessions share, and the one thread on which they draw.

One thread, since each new one would make OpenMP gather a new team, and two at once would fight for the same cores. All
that is kept is bounded: a second user does not double it.
"""

from __future__ import annotations

import gc
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import streamlit as st
import torch

from app.launch import options
from blendgan.blending import preset
from blendgan.explorer_options import ExplorerOptions
from blendgan.live import LiveBlend
from blendgan.recipe import Recipe, recipe_of
from blendgan.schedule import Uniform
from blendgan.sources import Source, open_source
from blendgan.viewing import Drawn, View, draw_view
from stylegan2.checkpoints import Checkpoint
from stylegan2.errors import UnknownWeights
from stylegan2.generator import Generator
from stylegan2.incremental import ActivationCache

T = TypeVar("T")


class HasFiles(Protocol):
    """What was drawn, as files."""

    @property
    def pictures(self) -> tuple[bytes, ...]:
        """PNG files."""
        ...


D = TypeVar("D", bound=HasFiles)

MOST_PAIRS = 3  # open at once: a pair of 1024 px models takes some 0.5 GB
MOST_UPLOADS = 4  # models of all sessions together
KEPT_FACES = 48  # of each pair, with the activations of their blocks: four full rows, 53 MB at 128 px
ACTIVATION_BYTES = 256 << 20  # at most: two faces of a 1024 px model
KEPT_PICTURES = 300  # of each pair, as PNG files of some 1.5 bytes a pixel: 7 MB at 128 px
PICTURE_BYTES = 64 << 20  # at most: 40 faces at 1024 px
SOON_S = 0.1  # a first picture of a slow model is there by then
SLOW_S = 0.25  # a view that takes longer gets a first picture

ALL_BASE = recipe_of(Uniform(0.0))
ALL_TRANSFER = recipe_of(Uniform(1.0), mapping="transfer", w_avg="transfer", noise="transfer")


class Pair:
    """BASE and TRANSFER, open, with one generator that becomes whichever blend of them is drawn."""

    def __init__(self, base: Source, transfer: Source, engine: Engine) -> None:
        self.sources = (base, transfer)
        self.recommended = preset(transfer.checkpoint)
        self._engine = engine
        config = base.checkpoint.config
        face_bytes = 4 * sum(count * px * px for px, count in zip(config.resolutions, config.channels, strict=True))
        self._live = LiveBlend(self.sources, cache=ActivationCache(min(ACTIVATION_BYTES, KEPT_FACES * face_bytes)))
        self._pictures: Pictures[Drawn] = Pictures(min(PICTURE_BYTES, KEPT_PICTURES * 3 * config.resolution**2 // 2))
        self._face_s = math.inf  # what one face takes at its best: others may be at work at the same time

    @property
    def resolutions(self) -> tuple[int, ...]:
        """In px, from coarse to fine."""
        return self.sources[0].checkpoint.config.resolutions

    def draw(self, recipe: Recipe, view: View) -> Drawn:
        """Draw a view of a blend, whole. Raises what blending and drawing raise."""
        return self._engine.run(lambda: self._draw(recipe, view, None))

    def draw_soon(self, recipe: Recipe, view: View) -> Drawn:
        """Draw a view of a blend; of a slow model only what can be had in a moment, see `Drawn.complete`."""
        return self._engine.run(lambda: self._draw(recipe, view, SOON_S))

    def blended(self, recipe: Recipe) -> Generator:
        """Return what draws a blend, until another is asked for: for work that is done on the drawing thread."""
        return self._live.renderer(recipe).generator

    def _draw(self, recipe: Recipe, view: View, budget_s: float | None) -> Drawn:
        known = self._pictures.get((recipe, view))
        if known is not None:
            return known
        slow = math.isfinite(self._face_s) and self._face_s * len(view.names) > SLOW_S
        drawn = draw_view(self._live.renderer(recipe), view, budget_s if slow else None)
        if drawn.complete:
            self._face_s = min(self._face_s, drawn.seconds / len(view.names))
            self._pictures.put((recipe, view), drawn)
        return drawn


class Engine:
    """The pairs that are open, models that sessions have brought, and the thread that draws."""

    def __init__(self, given: ExplorerOptions) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="drawing")
        self._pairs: OrderedDict[tuple[str, str], Pair] = OrderedDict()
        self._brought: OrderedDict[str, Source] = OrderedDict()
        self._thread = self._worker.submit(threading.get_ident).result()
        self.options, self.device = given, torch.device(given.device)
        if given.threads is not None:
            self.run(lambda: torch.set_num_threads(given.threads or 1))

    def run(self, work: Callable[[], T]) -> T:
        """Do some work on the drawing thread, after what is waiting there; raises what the work raises."""
        if threading.get_ident() == self._thread:
            return work()
        return self._worker.submit(work).result()

    def pair(self, base: str, transfer: str) -> Pair:
        """Return two models, opened if they are not. Raises what opening raises."""
        return self.run(lambda: self._pair((base, transfer)))

    def source(self, name: str) -> Source:
        """Return one model, by a name that the pages offer, or of one that a session has brought.

        Raises UnknownWeights for another name: an address must not open any file there is.
        """
        if name in self._brought:
            return self._brought[name]
        if name not in self.options.models:
            offered = ", ".join(self.options.models)
            raise UnknownWeights(
                f"{name}: is not offered here; expected one of {offered}. Start the explorer with it, or bring the file"
            )
        return self.run(lambda: open_source(name))

    def add(self, name: str, checkpoint: Checkpoint) -> str:
        """Keep a model that a session has brought, and return the name that it has here; the oldest makes room.

        In recipes and pictures it has the last part of its name, that of the user's own file.
        """
        self._brought[name] = Source(name.rpartition("/")[2], checkpoint)
        while len(self._brought) > MOST_UPLOADS:
            self.remove(next(iter(self._brought)))
        return name

    def knows(self, name: str) -> bool:
        """Whether a name is offered here, or that of a model which a session has brought and which is still kept."""
        return name in self.options.models or name in self._brought

    def remove(self, name: str) -> None:
        """Forget a model that a session has brought, and the pairs with it."""
        self._brought.pop(name, None)
        for key in [key for key in list(self._pairs) if name in key]:
            self._pairs.pop(key, None)

    def _pair(self, key: tuple[str, str]) -> Pair:
        if key not in self._pairs:
            base, transfer = map(self.source, key)
            self._pairs[key] = Pair(base, transfer, self)
            set_aside()
        self._pairs.move_to_end(key)
        while len(self._pairs) > MOST_PAIRS:
            self._pairs.popitem(last=False)
        return self._pairs[key]


def set_aside() -> None:
    """Spare the garbage collector what is here by now, most of it PyTorch's: it would take 0.1 s of each run.

    Streamlit collects all generations after every run of a page.
    """
    gc.collect()
    gc.freeze()


class Pictures(Generic[D]):
    """What was drawn, by all that it depends on; at most `limit_bytes` together, the least recently used goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.bytes = limit_bytes, 0
        self._drawn: OrderedDict[Hashable, D] = OrderedDict()

    def get(self, key: Hashable) -> D | None:
        """Return what was drawn, which counts as new again."""
        if key in self._drawn:
            self._drawn.move_to_end(key)
        return self._drawn.get(key)

    def put(self, key: Hashable, drawn: D) -> None:
        """Keep what was drawn."""
        self._drawn[key] = drawn
        self.bytes += sum(map(len, drawn.pictures))
        while self.bytes > self.limit_bytes:
            self.bytes -= sum(map(len, self._drawn.popitem(last=False)[1].pictures))


@st.cache_resource(show_spinner=False)
def settled(page: str) -> None:
    """Set aside what the first run of a page has loaded; later ones find it done."""
    set_aside()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """Return the process's engine."""
    return Engine(options())
