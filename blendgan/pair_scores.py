"""Which (real, toon) pairs are worth keeping: a face is found, BASE drew it well, the toon keeps its layout.

What is a poor picture differs from model to model, so two of the limits are quantiles over pictures that BASE and blend
draw of fixed seeds, measured once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blendgan.duplicates import THRESHOLD
from blendgan.images import to_uint8
from projector.detection import detect, load_detector
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError

LAYOUT_PX = 16  # features of this size and smaller say where things are, larger ones how they are drawn
CALIBRATION_SEEDS = tuple(range(2**32 - 64, 2**32))  # the last that there are, which no pair is likely to be made of
REASONS = {"face": "no face", "realness": "poorly drawn", "layout": "another layout", "copy": "a copy"}


@dataclass(frozen=True)
class Limits:
    """What is left out.

    `face`: the detector's score, 0 to 1, below which a real picture shows no face; 0 asks for none. `worst`: the share
    of pictures, 0 to 1, left out as the least real, and again as the most displaced; 0 leaves out none. `duplicates`:
    bits, of 256, within which a real picture is a copy of an earlier one; None keeps all.
    """

    face: float = 0.95
    worst: float = 0.1  # by eye: what it leaves out is smeared, or of two faces
    duplicates: int | None = THRESHOLD

    def __post_init__(self) -> None:
        if not 0 <= self.face <= 1:
            raise InputError(f"face: found {self.face:g}, expected a score from 0 (any picture) to 1")
        if not 0 <= self.worst < 1:
            raise InputError(f"worst: found {self.worst:g}, expected a share from 0 (none is left out) to below 1")


@dataclass(frozen=True)
class Scores:
    """Of one pair; None where nobody asked. `face` 0 to 1; `realness` BASE's discriminator's logit of the real picture;
    `layout` the distance of the toon's coarse features to the real one's.
    """

    face: float | None = None
    realness: float | None = None
    layout: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """The least realness and the largest layout distance that are kept; None: any."""

    realness: float | None = None
    layout: float | None = None


class Judge:
    """Scores pairs, and says why one is poor. Raises InputError where `worst` lacks BASE's discriminator."""

    def __init__(self, discriminator: Discriminator | None, limits: Limits, label: Tensor | None = None) -> None:
        if limits.worst and discriminator is None:
            raise InputError(
                "pairs: BASE has no discriminator in its file, which says how well pictures are drawn; "
                "leave that out with --worst 0"
            )
        self.discriminator, self.limits, self.label = discriminator, limits, label
        self._detector = load_detector() if limits.face else None

    def scores(self, real: Tensor, toon: Tensor) -> Scores:
        """Score the pictures [1, 3, H, W] of one pair."""
        realness, layout = self._compared(real, toon)
        return Scores(self._face(real), realness, layout)

    def thresholds(self, draw: Callable[[int], tuple[Tensor, Tensor]]) -> Thresholds:
        """Measure the quantiles over the pairs of CALIBRATION_SEEDS; `draw`: seed -> real, toon [1, 3, H, W]."""
        if not self.limits.worst:
            return Thresholds()
        found = np.array([self._compared(*draw(seed)) for seed in CALIBRATION_SEEDS], np.float64)  # [64, 2]
        least = float(np.quantile(found[:, 0], self.limits.worst))
        return Thresholds(round(least, 4), round(float(np.quantile(found[:, 1], 1 - self.limits.worst)), 4))

    def fault(self, scores: Scores, thresholds: Thresholds) -> str | None:
        """Return the key in REASONS of what is wrong, None where nothing is."""
        if scores.face is not None and scores.face < self.limits.face:
            return "face"
        if _is_below(scores.realness, thresholds.realness):
            return "realness"
        if _is_below(thresholds.layout, scores.layout):
            return "layout"
        return None

    def _face(self, real: Tensor) -> float | None:
        if self._detector is None:
            return None
        return round(max((face.score for face in detect(to_uint8(real)[0], self._detector)), default=0.0), 4)

    @torch.inference_mode()
    def _compared(self, real: Tensor, toon: Tensor) -> tuple[float | None, float | None]:
        """Realness and layout, each picture judged alone: in a batch the discriminator looks at its company too."""
        if not self.limits.worst or self.discriminator is None:
            return None, None
        ours, theirs = self.discriminator.unit_features(real), self.discriminator.unit_features(toon)
        coarse = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.shape[-1] <= LAYOUT_PX]
        layout = sum(float((a - b).square().sum(dim=1).mean()) for a, b in coarse)
        return round(float(self.discriminator(real, self.label)), 4), round(layout, 4)


def _is_below(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value < limit
