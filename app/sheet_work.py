"""A sheet that is drawn piece by piece: cell after cell while the page shows them, then the file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from torch import Tensor

from app.engine import Engine, Pair
from app.scene import Scene
from app.sheet_scene import SheetScene, options
from blendgan.colour import match
from blendgan.images import png_bytes, to_pictures
from blendgan.papers import papers, text_of
from blendgan.rendering import Setting
from blendgan.sheets import Cell, cells, collect, distinct_count, draw, lay_out
from stylegan2.errors import InputError
from stylegan2.incremental import ActivationCache

MOST_CELLS = 64
MOST_PIXELS = 1 << 23  # of all cells: 8 of 1024 px, 32 of 512 px; 100 MB as float32
MOST_WORKS = 3  # of all sessions together
ACTIVATION_BYTES = 128 << 20  # of each


class SheetWork:
    """The cells of one sheet, and what of them is drawn; the sessions that show the same sheet share it."""

    def __init__(self, table: tuple[tuple[Cell, ...], ...], pair: Pair, setting: Setting) -> None:
        self.table, self.pair, self.distinct = table, pair, distinct_count(table)
        self.seconds = 0.0
        self.pictures: list[tuple[int, bytes]] = []  # (place, PNG file), in the order in which they came
        self._drawn: dict[Cell, Tensor] = {}
        self._files: dict[bool, tuple[tuple[bytes, ...], bytes]] = {}  # by whether colours are matched
        self._coming: Iterator[tuple[Cell, Tensor]] = draw(
            table, *pair.sources, setting, ActivationCache(ACTIVATION_BYTES)
        )

    @property
    def places(self) -> tuple[Cell, ...]:
        """The cells, row by row."""
        return tuple(cell for row in self.table for cell in row)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be drawn."""
        return len(self._drawn) == self.distinct

    def go_on(self, seconds: float) -> None:
        """Draw for about so long, one picture at least. Raises what blending and drawing raise."""
        start = time.perf_counter()
        while not self.complete:
            cell, picture = next(self._coming)
            self._drawn[cell] = picture
            file = png_bytes(to_pictures(picture)[0])
            self.pictures += [(place, file) for place, one in enumerate(self.places) if one == cell]
            if time.perf_counter() - start > seconds:
                break
        self.seconds += time.perf_counter() - start

    def finished(self, sheet: SheetScene, said: Mapping[str, Any]) -> tuple[tuple[bytes, ...], bytes]:
        """Return the cells as they are shown, and the file of `blendgan grid`, both PNG."""
        if sheet.match_colour not in self._files:
            rows = collect(self.table, self._drawn)
            shown = match(rows) if sheet.match_colour else rows
            parts = tuple(png_bytes(picture) for row in shown for picture in to_pictures(row))
            whole = png_bytes(lay_out(sheet.x, sheet.y.captions, shown), text_of(said))
            self._files[sheet.match_colour] = parts, whole
        return self._files[sheet.match_colour]


def work_of(sheet: SheetScene, scene: Scene, models: Engine) -> SheetWork:
    """Return the work on a sheet, begun if it is not. Raises RecipeError for axes that contradict each other.

    Raises InputError for a sheet that is too large.
    """
    pair = models.pair(scene.base, scene.transfer)
    table = cells(sheet.x, sheet.y, sheet.fixed, pair.recommended.schedule, pair.resolutions)
    _check_size(table, pair)
    setting = Setting(scene.truncation_psi, scene.class_index, device=models.device)
    words = repr(options(replace(sheet, match_colour=False), scene))
    return _work(table, setting, pair, (scene.base, scene.transfer, words))


def said_of(sheet: SheetScene, scene: Scene, pair: Pair) -> dict[str, Any]:
    """Return what the file says of its making, as `blendgan grid` does."""
    return papers("grid", *pair.sources) | options(sheet, scene)


@st.cache_resource(max_entries=MOST_WORKS, show_spinner=False)
def _work(table: tuple[tuple[Cell, ...], ...], setting: Setting, _pair: Pair, words: tuple[str, ...]) -> SheetWork:
    """One work for each sheet; `words`: its models, and what its file says."""
    return SheetWork(table, _pair, setting)


def _check_size(table: tuple[tuple[Cell, ...], ...], pair: Pair) -> None:
    count = len(table) * len(table[0])
    height, width = pair.sources[0].checkpoint.config.image_size
    most = min(MOST_CELLS, MOST_PIXELS // (height * width))
    if count > most:
        raise InputError(
            f"sheet: found {count} cells of {width} x {height} px, expected at most {most}; give fewer values, or draw "
            "it with `blendgan grid`"
        )
