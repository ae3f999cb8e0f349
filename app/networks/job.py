"""`NetworkJob`: all that a restored picture depends on; the part of it that is shown, and the whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image

from app.networks.pair import NetworkPair, Shown
from app.networks.picture import Part, part_of, with_noise
from app.networks.scene import SAMPLE_NOISE, NetworksScene
from app.networks.store import Networks
from app.photo.sources import sample
from blendgan.dni.quality import psnr
from blendgan.images import Pixels, png_bytes
from blendgan.photo_files import PhotoFile
from blendgan.picture_files import save_picture
from blendgan.restoration.runs import GREYS, colour_profile, in_form
from blendgan.restoration.tiles import Tile, blank, put, restored_tiles
from projector.photo import Photo

MOST_WHOLE_PX = 50_000_000  # of the result, as of a photo that is brought: 150 MB


@dataclass(frozen=True, eq=False)
class NetworkJob:
    """Two networks, the share of B, and a picture."""

    scene: NetworksScene
    pair: NetworkPair
    known: Networks
    file: PhotoFile
    photo: Photo

    @cached_property
    def part(self) -> Part:
        """What is shown of the picture."""
        side_px = self.known.models.run(lambda: self.pair.side_px)
        return part_of(self.photo.size, side_px, self.scene.place, self.pair.margin)

    @property
    def noise(self) -> float:
        """The standard deviation, of 255, of the noise to add. Until it is said: 40 to the sample, which is clean.

        Not where the networks enlarge, which are no denoisers; and a picture of somebody's own is left as it came.
        """
        if self.scene.noise is not None:
            return self.scene.noise
        return SAMPLE_NOISE if self.file.sha256 == sample().sha256 and self.pair.scale == 1 else 0.0

    @property
    def has_clean(self) -> bool:
        """Whether the result can be compared with the picture as it came."""
        return self.noise > 0 and self.pair.scale == 1

    @property
    def order(self) -> tuple[object, ...]:
        """What the whole result depends on."""
        return self.scene.a, self.scene.b, self.scene.alpha, self._given

    def at(self, alpha: float) -> NetworkJob:
        """Return the same with another share of B."""
        return replace(self, scene=replace(self.scene, alpha=alpha))

    def before(self) -> Shown:
        """The part as the networks are given it."""
        return self.known.drawn(("before", self._given, self.part), self._before)

    def after(self) -> Shown:
        """The part restored: to rounding the pixels of the whole picture restored."""
        return self.known.drawn((self.order, self.part), self._after)

    def given(self) -> Pixels:
        """The whole picture as the networks are given it, uint8 [H, W, 3]."""
        return self._noisy(self.photo.pixels, (0, 0))

    def whole(self) -> tuple[Pixels, Iterator[Tile]]:
        """Return the whole restored picture, empty yet, and its tiles, each of which fills its place when it is done.

        Others' work comes in between.
        """
        run, pixels = self.known.models.run, self.given()
        restorer = run(lambda: self.pair.mixed(self.scene.alpha))
        restored, tiles = blank(restorer, pixels), restored_tiles(restorer, pixels)

        def filling() -> Iterator[Tile]:
            while (tile := run(lambda: next(tiles, None))) is not None:
                put(restored, tile)
                yield tile

        return restored, filling()

    def file_of(self, pixels: Pixels, name: str) -> bytes:
        """Return a picture as the file that `blendgan dni run --no-metadata` writes."""
        file = io.BytesIO()
        save_picture(file, Path(name), in_form(self.photo, pixels), None, colour_profile(self.photo))
        return file.getvalue()

    @property
    def _given(self) -> tuple[object, ...]:
        return self.file.sha256, self.noise, self.scene.seed

    def _around(self) -> tuple[Pixels, Part]:
        """The part with its margin, with noise, and where in that it lies."""
        around, inside = self.part.around(self.photo.pixels)
        offset = self.part.top - inside.top, self.part.left - inside.left
        return self._noisy(around, offset), inside

    def _noisy(self, pixels: Pixels, first: tuple[int, int]) -> Pixels:
        """Grey files are written as grey ones, which would lose noise in colours."""
        return with_noise(pixels, self.noise, self.scene.seed, first, is_grey=self.photo.mode in GREYS)

    def _before(self) -> Shown:
        around, inside = self._around()
        return self._shown(inside.cut(around))

    def _after(self) -> Shown:
        around, inside = self._around()
        return self._shown(inside.times(self.pair.scale).cut(self.pair.restore(around, self.scene.alpha)))

    def _shown(self, pixels: Pixels) -> Shown:
        clean = self.part.cut(self.photo.pixels)
        decibels = psnr(_tensor(pixels), _tensor(clean)) if self.has_clean else None
        return Shown(png_bytes(Image.fromarray(pixels)), decibels)


def _tensor(pixels: Pixels) -> torch.Tensor:
    """[H, W, 3] in whole levels → [1, 3, H, W] in [0, 1]."""
    return torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
