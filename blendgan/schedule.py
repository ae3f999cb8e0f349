"""Schedules: the share alpha of TRANSFER at each resolution, as pure arithmetic.

    p = (1 - alpha) p_BASE + alpha p_TRANSFER                      (Pinkney & Adler 2020, eq. 1)

x = log2(r) is the octave of a layer's resolution r, X = log2(R) that of the schedule's. Widths are in octaves. Every
alpha is in [0, 1]. `transfer_gives="high"` turns a schedule round: 1 - alpha.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from stylegan2.errors import RecipeError

Side = Literal["low", "high"]
SIDES: tuple[Side, ...] = ("low", "high")


@dataclass(frozen=True)
class Swap:
    """alpha = 1 if x <= X else 0: TRANSFER gives the layers up to `resolution` px (Pinkney & Adler 2020, eq. 2).

    A resolution below 4 px leaves all of BASE.
    """

    resolution: int
    transfer_gives: Side = "low"

    def __post_init__(self) -> None:
        _check_resolution("resolution", self.resolution)
        _check_side(self.transfer_gives)

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER in the layers that produce `resolution` px."""
        return _facing(self.transfer_gives, float(resolution <= self.resolution))


@dataclass(frozen=True)
class Sigmoid:
    """alpha = 1 / (1 + exp((x - X - 1/2) / width)): a swap after `resolution` px with a soft edge.

    `width` is in octaves, at least 0; 0 is exactly Swap(resolution), infinity is 1/2 everywhere.
    """

    resolution: int
    width: float
    transfer_gives: Side = "low"

    def __post_init__(self) -> None:
        _check_resolution("resolution", self.resolution)
        _check_width(self.width)
        _check_side(self.transfer_gives)

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER in the layers that produce `resolution` px."""
        if self.width == 0:
            return Swap(self.resolution, self.transfer_gives).alpha(resolution)
        t = (math.log2(resolution) - math.log2(self.resolution) - 0.5) / self.width
        decay = math.exp(-abs(t))  # of the magnitude, so that no narrow width overflows
        return _facing(self.transfer_gives, (decay if t > 0 else 1.0) / (1.0 + decay))


@dataclass(frozen=True)
class Linear:
    """alpha = 1 at and below `first` px, 0 at and above `last` px, and straight in x between."""

    first: int
    last: int
    transfer_gives: Side = "low"

    def __post_init__(self) -> None:
        _check_resolution("first", self.first)
        _check_resolution("last", self.last)
        _check_side(self.transfer_gives)
        if self.first >= self.last:
            raise RecipeError(f"linear: found {self.first},{self.last}, expected first < last, such as 8,64")

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER in the layers that produce `resolution` px."""
        start, end = math.log2(self.first), math.log2(self.last)
        return _facing(self.transfer_gives, min(1.0, max(0.0, (end - math.log2(resolution)) / (end - start))))


@dataclass(frozen=True)
class Band:
    """alpha = peak exp(-((x - X) / width)**2 / 2): TRANSFER around `resolution` px only.

    `width` is in octaves, at least 0; 0 is that resolution alone.
    """

    resolution: int
    width: float
    peak: float = 1.0

    def __post_init__(self) -> None:
        _check_resolution("resolution", self.resolution)
        _check_width(self.width)
        _check_alpha("peak", self.peak)

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER in the layers that produce `resolution` px."""
        if resolution == self.resolution or self.width == 0:
            return float(self.peak) if resolution == self.resolution else 0.0
        t = (math.log2(resolution) - math.log2(self.resolution)) / self.width
        return self.peak * math.exp(-0.5 * (t * t))  # t * t overflows to infinity, t**2 would raise


@dataclass(frozen=True)
class Uniform:
    """alpha is the same everywhere: deep network interpolation of the synthesis network (Wang et al. 2018, eq. 1)."""

    value: float

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.value)

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER, the same for every resolution."""
        return float(self.value)


@dataclass(frozen=True)
class Table:
    """alpha as given for each resolution in px: Table({4: 1, 8: 0.5, 16: 0}). Kept as pairs, sorted by resolution."""

    alphas: Mapping[int, float] | tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        try:
            pairs = sorted(dict(self.alphas).items())
        except (TypeError, ValueError) as error:
            raise RecipeError(f"table: found {self.alphas!r}, expected a mapping such as {{4: 1, 8: 0.5}}") from error
        if not pairs:
            raise RecipeError("table: found no entry, expected resolution=alpha pairs such as 4=1,8=0.5")
        for resolution, alpha in pairs:
            _check_resolution("table", resolution)
            _check_alpha(f"alpha at {resolution} px", alpha)
        object.__setattr__(self, "alphas", tuple((r, float(alpha)) for r, alpha in pairs))

    def alpha(self, resolution: int) -> float:
        """Share of TRANSFER in the layers that produce `resolution` px. Raises RecipeError if it is missing."""
        given = dict(self.alphas)
        if resolution not in given:
            known = ", ".join(map(str, given))
            raise RecipeError(f"table: no alpha for {resolution} px, only for {known}; add {resolution}=…")
        return given[resolution]


@dataclass(frozen=True)
class Layers:
    """alpha as given for each style layer, in the order of the style vectors (num_ws of them; 18 at 1024 px).

    A to-RGB shares its vector, and so its alpha, with the first convolution of the next resolution.
    """

    alphas: tuple[float, ...]

    def __post_init__(self) -> None:
        for layer, alpha in enumerate(self.alphas):
            _check_alpha(f"alpha of layer {layer}", alpha)
        object.__setattr__(self, "alphas", tuple(map(float, self.alphas)))

    def alpha(self, resolution: int, layer: int) -> float:
        """Share of TRANSFER in style layer `layer`, 0 … num_ws - 1. Raises RecipeError if the list is too short."""
        if not 0 <= layer < len(self.alphas):
            raise RecipeError(f"layers: no alpha for layer {layer} ({resolution} px), only {len(self.alphas)} given")
        return self.alphas[layer]


Schedule = Swap | Sigmoid | Linear | Band | Uniform | Table | Layers


def alpha_at(schedule: Schedule, resolution: int, layer: int) -> float:
    """Ask any schedule for the share of TRANSFER at `resolution` px, in style layer `layer`."""
    return schedule.alpha(resolution, layer) if isinstance(schedule, Layers) else schedule.alpha(resolution)


def _facing(transfer_gives: Side, alpha_low: float) -> float:
    return alpha_low if transfer_gives == "low" else 1.0 - alpha_low


def _check_resolution(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or value & (value - 1):
        raise RecipeError(f"{name}: found {value!r}, expected a power of two in px, such as 16")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_width(value: object) -> None:
    if not _is_number(value) or not value >= 0:
        raise RecipeError(f"width: found {value!r}, expected octaves, 0 or more, such as 1.5")


def _check_alpha(name: str, value: object) -> None:
    if not _is_number(value) or not 0 <= value <= 1:
        raise RecipeError(f"{name}: found {value!r}, expected a share of TRANSFER between 0 and 1")


def _check_side(value: object) -> None:
    if value not in SIDES:
        raise RecipeError(f"transfer_gives: found {value!r}, expected low or high")
