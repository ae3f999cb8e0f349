"""How a sweep measures, and what it tells on its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from blendgan.dni.sweep_table import Table
from stylegan2.errors import InputError

STEPS = 20  # from 0 to 1: α in steps of 0.05
CROP_PX = 256


@dataclass(frozen=True)
class Setting:
    """How to measure. `noise`: levels, of 255, none for a network that enlarges. `crop_px`: None keeps whole pictures.

    `steps`: of α from 0 to 1, an even number. `pruning`: "race" drops networks that cannot win, "none" keeps all.
    """

    noise: tuple[float, ...] = ()
    steps: int = STEPS
    crop_px: int | None = CROP_PX
    seed: int = 0
    pruning: Literal["race", "none"] = "race"

    def __post_init__(self) -> None:
        if self.steps < 2 or self.steps % 2:
            raise InputError(
                f"steps: found {self.steps}, expected an even number of at least 2, so that ½ is among them"
            )

    @property
    def alphas(self) -> tuple[float, ...]:
        """The shares of B that are measured."""
        return tuple(index / self.steps for index in range(self.steps + 1))


@dataclass(frozen=True)
class Measured:
    """One network has seen one picture: `value` is the metric. `total` shrinks where networks are dropped."""

    done: int
    total: int
    a: str
    b: str
    noise: float
    alpha: float
    picture: str
    value: float


@dataclass(frozen=True)
class Dropped:
    """Networks that cannot win see no more than the `pictures` that they saw."""

    a: str
    b: str
    noise: float
    alphas: tuple[float, ...]
    pictures: int


@dataclass(frozen=True)
class Finished:
    """The last event: all that was found."""

    table: Table


Event = Measured | Dropped | Finished
