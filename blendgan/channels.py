"""Channels: the gain g of each feature map, by which a schedule's alpha is multiplied, as pure arithmetic.

    alpha(r, c) = alpha(r) · g(c)

Every g is in [0, 1]. `Ramp` and `Lists` say g themselves; `Top` and `Region` give 1 to the leading channels of a
ranking and 0 to the rest, and `blendgan.ranking` makes the ranking. Each layer ranks its own channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stylegan2.errors import RecipeError

Measure = Literal["change", "correlation"]
MEASURES: tuple[Measure, ...] = ("change", "correlation")
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as shares of the picture; y grows downwards


@dataclass(frozen=True)
class Ramp:
    """g straight from `first` at channel 0 to `last` at the last channel; a single channel has their mean."""

    first: float
    last: float

    def __post_init__(self) -> None:
        _check_share("ramp first", self.first)
        _check_share("ramp last", self.last)

    def gains(self, count: int) -> tuple[float, ...]:
        """Return g of `count` channels."""
        if count == 1:
            return ((self.first + self.last) / 2,)
        low, high = sorted((self.first, self.last))
        steps = (i / (count - 1) for i in range(count))
        # Both ends to the bit; rounding must leave neither the range nor, where the ends are equal, their value.
        return tuple(min(max(self.first * (1 - t) + self.last * t, low), high) for t in steps)


@dataclass(frozen=True)
class Lists:
    """g as given, for each resolution in px one list, which all layers there share; 1 at resolutions without a list.

    Kept as pairs, sorted by resolution: Lists({4: [1, 0.5, 0]}).gains == ((4, (1.0, 0.5, 0.0)),).
    """

    gains: Mapping[int, Sequence[float]] | tuple[tuple[int, tuple[float, ...]], ...]

    def __post_init__(self) -> None:
        pairs = sorted(dict(self.gains).items())
        if not pairs:
            raise RecipeError("lists: found no entry, expected resolution: list pairs such as {4: [1, 0.5, 0]}")
        for resolution, gains in pairs:
            _check_resolution(resolution)
            for channel, gain in enumerate(gains):
                _check_share(f"gain of channel {channel} at {resolution} px", gain)
        object.__setattr__(self, "gains", tuple((r, tuple(map(float, gains))) for r, gains in pairs))

    def at(self, resolution: int, count: int) -> tuple[float, ...]:
        """Return g of the `count` channels of a layer at `resolution` px. Raises RecipeError for another length."""
        gains = dict(self.pairs).get(resolution, (1.0,) * count)
        if len(gains) != count:
            raise RecipeError(f"lists: found {len(gains)} gains at {resolution} px, expected {count}, one per channel")
        return gains

    @property
    def pairs(self) -> tuple[tuple[int, tuple[float, ...]], ...]:
        """Each resolution in px with its gains."""
        return tuple((resolution, tuple(gains)) for resolution, gains in dict(self.gains).items())


@dataclass(frozen=True)
class Top:
    """g = 1 for the leading `share` of each layer's channels, else 0.

    by "change": the filters that differ most between the models come first; by "correlation": the filters that
    correlate least (Wang et al. 2018, eq. 3).
    """

    share: float
    by: Measure

    def __post_init__(self) -> None:
        _check_share("top share", self.share)
        if self.by not in MEASURES:
            raise RecipeError(f"top by: found {self.by!r}, expected one of {', '.join(MEASURES)}")


@dataclass(frozen=True)
class Region:
    """g = 1 for the `share` of each layer's channels that act most inside a region of the picture, else 0.

    The region is a box, or a mask: what `blendgan.masks` reads, the path of a picture, white inside and black outside,
    or the name of a region of faces, such as eyes. `sha256` pins the mask's pixels ("": not pinned).
    """

    box: Box | None
    share: float
    mask: str | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        _check_share("region share", self.share)
        if (self.box is None) == (not self.mask):
            raise RecipeError(f"region: found box {self.box!r} and mask {self.mask!r}, expected one of the two")
        if self.box is not None:
            object.__setattr__(self, "box", _checked_box(self.box))


Channels = Ramp | Lists | Top | Region


def leading(scores: Sequence[float], share: float) -> tuple[float, ...]:
    """Return 1 for the `share` of channels with the highest scores, else 0.

    Halves are rounded up, a share above 0 is at least one channel, equals keep their order, NaN is last.
    """
    count = 0 if share == 0 else max(1, math.floor(share * len(scores) + 0.5))
    order = sorted(range(len(scores)), key=lambda i: (math.isnan(scores[i]), -scores[i]))
    chosen = set(order[:count])
    return tuple(float(i in chosen) for i in range(len(scores)))


def _checked_box(box: Sequence[float]) -> Box:
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(_is_share(value) for value in box):
        raise RecipeError(f"region box: found {box!r}, expected x0, y0, x1, y1 as shares of the picture, 0 to 1")
    x0, y0, x1, y1 = map(float, box)
    if not (x0 < x1 and y0 < y1):
        raise RecipeError(f"region box: found {x0:g},{y0:g},{x1:g},{y1:g}, expected x0 < x1 and y0 < y1")
    return x0, y0, x1, y1


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _check_share(name: str, value: object) -> None:
    if not _is_share(value):
        raise RecipeError(f"{name}: found {value!r}, expected a number between 0 and 1")


def _check_resolution(value: object) -> None:
    if not isinstance(value, int) or value < 4 or value & (value - 1):
        raise RecipeError(f"lists: found {value!r}, expected a resolution in px, a power of two such as 16")
