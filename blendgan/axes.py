"""The axes of a sheet in words, NAME=VALUES: `swap-res=4,8,16`, `schedules=alpha 0; sigmoid 16,1.5 high`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blendgan.schedule import SIDES, Swap, Uniform
from blendgan.schedule_forms import parse_words
from blendgan.seeds import parse_seeds, seeds_text
from stylegan2.errors import InputError, RecipeError

AXES = ("swap-res", "alpha", "seeds", "schedules", "transfer-gives")
FORMS = {  # axis → example of its values
    "swap-res": "4,8,16,32",
    "alpha": "0,0.25,0.5,1",
    "seeds": "0-3",
    "schedules": "swap-res 16; sigmoid 16,1.5 high",
    "transfer-gives": "low,high",
}
MOST_SEEDS = 100_000  # as of `generate`; whoever draws says what is too many

Entries = tuple[tuple[str, ...], tuple[Any, ...]]  # captions, values


@dataclass(frozen=True)
class Axis:
    """What changes along one side: one of AXES, and for each picture a caption and a value.

    Values: px; a share of TRANSFER in [0, 1]; a seed; a Schedule; "low" or "high".
    """

    name: str
    captions: tuple[str, ...]
    values: tuple[Any, ...]

    def __str__(self) -> str:
        """Return the axis as the command line has it."""
        return f"{self.name}={self.values_text}"

    @property
    def values_text(self) -> str:
        """Its values alone, in words."""
        if self.name == "schedules":  # their captions are their words
            return "; ".join(self.captions)
        if self.name == "seeds":
            return seeds_text(self.values)
        return ",".join(map(_shortest, self.values))


def _shortest(value: object) -> str:
    """1 for 1.0; all digits where they count."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def parse_axis(text: str) -> Axis:
    """Read an axis. Raises InputError or RecipeError, which say what was found and what is expected."""
    name, equals, values_text = text.partition("=")
    if name not in FORMS or not equals:
        known = "; ".join(f"{name}={example}" for name, example in FORMS.items())
        raise InputError(f"{text!r} is no axis; expected one of {known}")
    try:
        captions, values = _READERS[name](values_text)
    except ValueError as error:  # from int() and float(); what the schedules refuse says by itself what they expect
        raise InputError(f"{text!r}: found no numbers; expected a form such as {name}={FORMS[name]}") from error
    if len(set(captions)) < len(captions):
        raise InputError(f"{text!r}: a value is there twice; give each once")
    return Axis(name, captions, values)


def _swaps(text: str) -> Entries:
    values = tuple(Swap(int(part)).resolution for part in text.split(","))
    return tuple(f"swap-res {value}" for value in values), values


def _alphas(text: str) -> Entries:
    values = tuple(Uniform(float(part)).value for part in text.split(","))
    return tuple(f"alpha {value:g}" for value in values), values


def _seeds(text: str) -> Entries:
    values = parse_seeds(text, MOST_SEEDS)
    return tuple(f"seed {value}" for value in values), values


def _sides(text: str) -> Entries:
    values = tuple(part.strip() for part in text.split(","))
    if unknown := [value for value in values if value not in SIDES]:
        raise RecipeError(f"transfer-gives: found {unknown[0]!r}, expected low or high")
    return tuple(f"TRANSFER gives {value}" for value in values), values


def _schedules(text: str) -> Entries:
    captions = tuple(" ".join(part.split()) for part in text.split(";"))
    return captions, tuple(map(parse_words, captions))


_READERS: dict[str, Callable[[str], Entries]] = {
    "swap-res": _swaps,
    "alpha": _alphas,
    "seeds": _seeds,
    "schedules": _schedules,
    "transfer-gives": _sides,
}
