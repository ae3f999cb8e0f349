"""How fast a training goes: what its numbers may be, and its learning rate from the first step to the last."""

from __future__ import annotations

import math
from typing import Literal, Protocol, get_args

from stylegan2.errors import InputError

Precision = Literal["fp32", "bf16"]
WARM = 50  # steps over which the rate rises
MOST_STEPS, MOST_BATCH = 10**7, 4096


class Paced(Protocol):
    """What every plan says of it."""

    @property
    def steps(self) -> int: ...

    @property
    def rate(self) -> float: ...

    @property
    def batch(self) -> int: ...

    @property
    def seed(self) -> int: ...

    @property
    def precision(self) -> Precision: ...


def check_pace(plan: Paced) -> None:
    """Raise InputError for a rate, a precision, or a number of steps or of pictures that cannot be."""
    if not 0 < plan.rate <= 1:
        raise InputError(f"rate: found {plan.rate:g}, expected a learning rate above 0, and at most 1")
    if plan.precision not in get_args(Precision):
        raise InputError(f"precision: found {plan.precision!r}, expected one of {', '.join(get_args(Precision))}")
    check_count("steps", plan.steps, 1, MOST_STEPS)
    check_count("batch", plan.batch, 1, MOST_BATCH)


def check_count(name: str, found: int, least: int, most: int) -> None:
    """Raise InputError for a number beyond its range."""
    if not least <= found <= most:
        raise InputError(f"{name}: found {found}, expected a number from {least} to {most}")


def rate_at(plan: Paced, step: int) -> float:
    """Return the learning rate of a step, counted from 0: it rises to the plan's, and falls to 0 as half a cosine."""
    fallen = 0.5 * (1 + math.cos(math.pi * step / plan.steps))
    return plan.rate * min(1.0, (step + 1) / min(WARM, plan.steps)) * fallen
