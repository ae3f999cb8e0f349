"""The axes of `blendgan grid` as the command line writes them: NAME=VALUES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from blendgan.cli.options import Seeds
from blendgan.schedule import SIDES, Swap, Uniform
from blendgan.schedule_forms import parse_words
from stylegan2.errors import RecipeError

FORMS = {  # axis → example of its values
    "swap-res": "4,8,16,32",
    "alpha": "0,0.25,0.5,1",
    "seeds": "0-3",
    "schedules": "swap-res 16; sigmoid 16,1.5 high",
    "transfer-gives": "low,high",
}


class Axis(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """`swap-res=4,8,16` → sheets.Axis; a usage error names the part that is none."""

    name = "axis"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse one axis."""
        from blendgan.sheets import Axis  # here, so that --help stays fast

        name, equals, text = str(value).partition("=")
        if name not in FORMS or not equals:
            known = "; ".join(f"{name}={example}" for name, example in FORMS.items())
            self.fail(f"{value!r} is no axis; expected one of {known}", param, ctx)
        try:
            captions, values = _READERS[name](text)
        except ValueError:  # from int() and float(); what the schedules refuse says by itself what they expect
            self.fail(f"{value!r}: found no numbers; expected a form such as {name}={FORMS[name]}", param, ctx)
        if len(set(captions)) < len(captions):
            self.fail(f"{value!r}: a value is there twice; give each once", param, ctx)
        return Axis(name, captions, values)


Entries = tuple[tuple[str, ...], tuple[Any, ...]]  # captions, values


def _swaps(text: str) -> Entries:
    values = tuple(Swap(int(part)).resolution for part in text.split(","))
    return tuple(f"swap-res {value}" for value in values), values


def _alphas(text: str) -> Entries:
    values = tuple(Uniform(float(part)).value for part in text.split(","))
    return tuple(f"alpha {value:g}" for value in values), values


def _seeds(text: str) -> Entries:
    values = Seeds().convert(text, None, None)
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
