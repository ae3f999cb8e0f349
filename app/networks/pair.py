"""`NetworkPair`: two networks of one architecture, open, and the one between them that is run."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from blendgan.dni.correlation_tables import READINGS, Pair, Reading, correlate
from blendgan.dni.mixing import check_alike, interpolate, shares_of
from blendgan.dni.network_files import NetworkFile
from blendgan.images import Pixels
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from blendgan.restoration.tiles import restore

LIVE_S = 0.25  # for the part that is restored while alpha moves
TRIED_PX = 64  # what a pair restores first, to find out how much it can in that time
STEP_PX = 32
SMALLEST_PX, LARGEST_PX = 96, 512  # of the part that is shown
MOST_RESULT_PX = 1024  # of what a network that enlarges makes of it
MOST_MARGIN_PX = 64  # some networks look at everything


PAPER: dict[Reading, str] = READINGS | {
    "akin": READINGS["akin"] + "; networks trained apart from one seed have it too, and fail halfway"
}


@dataclass(frozen=True)
class Shown:
    """A PNG file of what is shown, and its PSNR in dB against the clean picture, if there is one to compare with."""

    picture: bytes
    decibels: float | None = None

    @property
    def pictures(self) -> tuple[bytes, ...]:
        """The file, as what keeps many of them counts."""
        return (self.picture,)


class NetworkPair:
    """Two networks, A and B, and the last mixture of them. All of it belongs on the drawing thread.

    Raises ShapeMismatch, which names the first tensor that differs, UnknownFormat for networks that restore no
    pictures, and what reading them raises.
    """

    def __init__(self, a: NetworkFile, b: NetworkFile, device: torch.device) -> None:
        self.files = (a, b)
        self._states = (dict(a.tensors), dict(b.tensors))  # read once
        self._restorer = recognise(self._states[0], a.name).to(device)
        check_alike(self.files)
        self._device = device
        self._mixed: tuple[float, Restorer] | None = None

    @property
    def architecture(self) -> str:
        """What both are, in words."""
        return self._restorer.architecture

    @property
    def scale(self) -> int:
        """How many times larger the result is."""
        return self._restorer.scale

    @property
    def margin(self) -> int:
        """How far around what is shown the network is given the picture, in px: as far as it looks."""
        return min(self._restorer.reach, MOST_MARGIN_PX)

    @property
    def is_exact(self) -> bool:
        """Whether a part with its margin is restored as it is in the whole picture, to rounding."""
        one = self._restorer
        return one.is_exact_in_tiles and one.sizes.multiple == 1 and one.reach == self.margin

    @cached_property
    def side_px(self) -> int:
        """The side of the part of a picture that this machine restores in LIVE_S, in px of the picture.

        Tried once: how fast a network is, no count of its weights says. The first of three is slow for everybody.
        """
        tried = np.random.default_rng(0).integers(0, 256, (TRIED_PX, TRIED_PX, 3), np.uint8)
        seconds = min(self._seconds(tried) for _ in range(3))
        whole = TRIED_PX * math.sqrt(LIVE_S / max(seconds, 1e-6))
        largest = min(LARGEST_PX, max(MOST_RESULT_PX // self.scale, SMALLEST_PX))
        return min(max(int(whole - 2 * self.margin) // STEP_PX * STEP_PX, SMALLEST_PX), largest)

    @cached_property
    def correlations(self) -> Pair:
        """The correlation index of A's and B's filters, layer by layer. Raises InputError for networks without any."""
        return correlate(self.files)[0]

    def restore(self, pixels: Pixels, alpha: float) -> Pixels:
        """Return a picture, uint8 [H, W, 3], as the network of this share of B restores it: [scale H, scale W, 3]."""
        return restore(self.mixed(alpha), pixels)

    def _seconds(self, pixels: Pixels) -> float:
        start = time.perf_counter()
        restore(self._restorer, pixels)
        return time.perf_counter() - start

    def mixed(self, alpha: float) -> Restorer:
        """Return the network of this share of B; at 0 and 1 A and B themselves."""
        if self._mixed is None or self._mixed[0] != alpha:
            tensors = interpolate(self._states, shares_of(2, alpha, None))
            self._mixed = alpha, self._restorer.with_tensors(tensors).to(self._device)
        return self._mixed[1]


def reading(pair: Pair) -> str:
    """Return in a sentence how far two networks' filters correlate, and what the paper found for such."""
    weakest = min(pair.layers, key=lambda layer: layer.median)
    return (
        f"Correlation index of their filters: {pair.correlation:.3f} (median of {len(pair.layers)} layers; weakest: "
        f"{weakest.name}, {weakest.median:.3f}), {PAPER[pair.reading]}."
    )
