"""A sheet that is drawn piece by piece: cell after cell while the page shows them, then the file.

A session holds the one that it draws; of those that are drawn only PNG files are left, which all sessions share.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import streamlit as st
from torch import Tensor

from app.engine import Engine, Pair
from app.scene import Scene
from app.sheet.scene import SheetScene, options
from blendgan.colour import match
from blendgan.images import png_bytes, to_pictures
from blendgan.papers import papers, text_of
from blendgan.rendering import Setting
from blendgan.sheets import Cell, cells, collect, distinct_count, draw, lay_out
from blendgan.sources import Source
from stylegan2.errors import BlendganError, InputError
from stylegan2.incremental import ActivationCache

MOST_CELLS = 64
MOST_PIXELS = 1 << 23  # of all cells: 8 of 1024 px, 32 of 512 px; 100 MB as float32, while they are drawn
MOST_KEPT = 8  # sheets that are drawn, of all sessions together: PNG files, at most some 20 MB each
ACTIVATION_BYTES = 128 << 20  # of a sheet that is being drawn
WORK = "sheet:work"  # in the session's state: its sheet, and what is drawn of it


class SheetWork:
    """The cells of one sheet, what of them is drawn, and at the end the file of `blendgan grid`."""

    def __init__(self, table: Sequence[Sequence[Cell]], sheet: SheetScene, said: dict[str, Any], pair: Pair) -> None:
        self.places = tuple(cell for row in table for cell in row)
        self.distinct = distinct_count(table)
        self.pictures: list[tuple[int, bytes]] = []  # (place, PNG file), in the order in which they came
        self.file: bytes | None = None
        self.seconds = 0.0
        self._table, self._sheet, self._said = table, sheet, said
        self._drawn: dict[Cell, Tensor] = {}
        self._sources: tuple[Source, ...] = pair.sources
        self._coming: Iterator[tuple[Cell, Tensor]] | None = None

    def go_on(self, seconds: float, setting: Setting) -> None:
        """Draw for about so long, one picture at least; the last piece makes the file. Raises what `draw` raises."""
        start = time.perf_counter()
        while self.file is None:
            cell, picture = self._next(setting)
            self._drawn[cell] = picture
            self._add(cell, png_bytes(to_pictures(picture)[0]))
            if len(self._drawn) == self.distinct:
                self._finish()
            if time.perf_counter() - start > seconds:
                break
        self.seconds += time.perf_counter() - start

    def _next(self, setting: Setting) -> tuple[Cell, Tensor]:
        if self._coming is None:
            base, transfer = self._sources
            self._coming = draw(self._table, base, transfer, setting, ActivationCache(ACTIVATION_BYTES))
        try:
            return next(self._coming)
        except BlendganError:  # the same is said again when the page is drawn again
            self._coming, self._drawn, self.pictures = None, {}, []
            raise

    def _add(self, cell: Cell, file: bytes) -> None:
        self.pictures += [(place, file) for place, one in enumerate(self.places) if one == cell]

    def _finish(self) -> None:
        """Make the file, and let go of tensors and models."""
        rows = collect(self._table, self._drawn)
        shown = match(rows) if self._sheet.match_colour else rows
        if self._sheet.match_colour:
            parts = [png_bytes(picture) for row in shown for picture in to_pictures(row)]
            self.pictures = list(enumerate(parts))
        self.file = png_bytes(lay_out(self._sheet.x, self._sheet.y.captions, shown), text_of(self._said))
        self._drawn, self._coming, self._sources = {}, None, ()


def work_of(sheet: SheetScene, scene: Scene, models: Engine) -> SheetWork:
    """Return the work on a sheet, begun if it is not. Raises RecipeError for axes that contradict each other.

    Raises InputError for a sheet that is too large.
    """
    pair = models.pair(scene.base, scene.transfer)
    table = cells(sheet.x, sheet.y, sheet.fixed, pair.recommended.schedule, pair.resolutions)
    _check_size(table, pair)
    said = options(sheet, scene)
    key = (table, scene.base, scene.transfer, repr(said))
    held, work = st.session_state.get(WORK, (None, None))
    if held != key or not isinstance(work, SheetWork):
        work = _kept().get(key) or SheetWork(table, sheet, papers("grid", *pair.sources) | said, pair)
        st.session_state[WORK] = key, work
    return work


def keep_drawn(work: SheetWork) -> None:
    """Let the other sessions have a sheet that this one has drawn; the oldest makes room."""
    key, _ = st.session_state[WORK]
    kept = _kept()
    kept[key] = work
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _kept() -> OrderedDict[Hashable, SheetWork]:
    """The sheets that are drawn, the oldest first."""
    return OrderedDict()


def _check_size(table: Sequence[Sequence[Cell]], pair: Pair) -> None:
    count = len(table) * len(table[0])
    height, width = pair.sources[0].checkpoint.config.image_size
    most = min(MOST_CELLS, MOST_PIXELS // (height * width))
    if count > most:
        raise InputError(
            f"sheet: found {count} cells of {width} x {height} px, expected at most {most}; give fewer values, or draw "
            "it with `blendgan grid`"
        )
