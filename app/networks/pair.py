"""`NetworkPair`: two networks of one architecture, open, and the one between them that is run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import torch

from blendgan.dni.mixing import check_alike, interpolate, shares_of
from blendgan.dni.network_files import NetworkFile
from blendgan.images import Pixels
from blendgan.kinship import FAILS_BELOW, WORKS_FROM, correlation
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from blendgan.restoration.tiles import restore

LIVE_WORK = 50e9  # multiplications and additions for one move: 0.3 to 0.5 s on two threads
STEP_PX = 16
SMALLEST_PX, LARGEST_PX = 96, 512  # of the part that is shown
MOST_MARGIN_PX = 64  # some networks look at everything


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
        self._restorer = recognise(self._states[0], a.name)
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

    @cached_property
    def side_px(self) -> int:
        """The side of the part of a picture that can be restored while alpha moves, in px of the picture."""
        weights = sum(tensor.numel() for tensor in self._states[0].values() if tensor.ndim == 4)
        weights *= 3 if self._restorer.channels == 1 else 1  # red, green and blue by themselves
        whole = math.isqrt(int(LIVE_WORK / 2 / max(weights, 1)))
        return min(max((whole - 2 * self.margin) // STEP_PX * STEP_PX, SMALLEST_PX), LARGEST_PX)

    @cached_property
    def correlations(self) -> dict[str, float]:
        """Layer → correlation index of A and B."""
        return correlation(*self._states)

    def restore(self, pixels: Pixels, alpha: float) -> Pixels:
        """Return a picture, uint8 [H, W, 3], as the network of this share of B restores it: [scale H, scale W, 3]."""
        return restore(self.mixed(alpha), pixels)

    def mixed(self, alpha: float) -> Restorer:
        """Return the network of this share of B; at 0 and 1 A and B themselves."""
        if self._mixed is None or self._mixed[0] != alpha:
            tensors = interpolate(self._states, shares_of(2, alpha, None))
            self._mixed = alpha, self._restorer.with_tensors(tensors).to(self._device)
        return self._mixed[1]


def reading(correlations: dict[str, float]) -> str:
    """Return in a sentence or two how far two networks' filters correlate, and what the paper says to that."""
    if not correlations:
        return "They have no layers of filters whose correlation would say whether they share an ancestor."
    middle, weakest = median(correlations.values()), min(correlations, key=correlations.__getitem__)
    if middle >= WORKS_FROM:
        says = f"in the paper pairs from {WORKS_FROM} on interpolated well, which promises nothing for others"
    elif middle < FAILS_BELOW:
        says = f"in the paper all pairs under {FAILS_BELOW} failed: they shared no ancestor"
    else:
        says = f"between {FAILS_BELOW} and {WORKS_FROM} the paper measured nothing"
    return (
        f"Correlation index of the filters: median {middle:.3f} of {len(correlations)} layers, weakest "
        f"{correlations[weakest]:.3f} ({weakest}); {says}."
    )
