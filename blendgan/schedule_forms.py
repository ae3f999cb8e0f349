"""Schedules as plain data (for recipes) and as text (for the command line); both ways end in the same checks.

data    {"kind": "sigmoid", "resolution": 16, "width": 1.5, "transfer_gives": "low"}
text    --sigmoid 16,1.5 --transfer-gives low
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from blendgan.schedule import SIDES, Band, Layers, Linear, Schedule, Side, Sigmoid, Swap, Table, Uniform
from stylegan2.errors import RecipeError

KINDS: dict[str, type[Schedule]] = {
    "swap": Swap,
    "sigmoid": Sigmoid,
    "linear": Linear,
    "band": Band,
    "uniform": Uniform,
    "table": Table,
    "layers": Layers,
}
MOST_LAYERS = 64  # far beyond the 18 of a 1024 px model; keeps a mistyped count from filling the memory


def to_json(schedule: Schedule) -> dict[str, Any]:
    """Return the schedule as plain JSON values; `recipe_schema` reads them."""
    (kind,) = [name for name, one in KINDS.items() if type(schedule) is one]
    values = {"kind": kind, **asdict(schedule)}
    values |= {
        name: float(values[name]) for name in ("width", "peak", "value") if name in values
    }  # 1 and 1.0: one text
    if values.get("width") == math.inf:
        values["width"] = "inf"  # JSON has no infinity; `recipe_schema` reads it so too
    if isinstance(schedule, Table):
        values["alphas"] = {str(resolution): alpha for resolution, alpha in dict(schedule.alphas).items()}
    if isinstance(schedule, Layers):
        values["alphas"] = list(schedule.alphas)
    return values


def to_words(schedule: Schedule) -> str:
    """Return the schedule in one text, as `parse_words` reads it: `sigmoid 16,1.5 high`."""
    match schedule:
        case Swap(resolution, side):
            return f"swap-res {resolution} {side}"
        case Sigmoid(resolution, width, side):
            return f"sigmoid {resolution},{width:g} {side}"
        case Linear(first, last, side):
            return f"linear {first},{last} {side}"
        case Band(resolution, width, peak):
            return f"band {resolution},{width:g},{peak:g}"
        case Uniform(value):
            return f"alpha {value:g}"
        case Table(alphas):
            return "table " + ",".join(f"{resolution}={alpha:g}" for resolution, alpha in dict(alphas).items())
        case Layers(alphas):
            return "layers " + ",".join(f"{alpha:g}" for alpha in alphas)


def parse(option: str, text: str, transfer_gives: Side | None = None) -> Schedule:
    """Read the value of a command-line option, named without its dashes: parse("sigmoid", "16,1.5", "high").

    Raises RecipeError for a text of another form, and for `transfer_gives` where the alphas are explicit.
    """
    build, example = _OPTIONS[option]
    try:
        schedule = build(text.strip())
    except ValueError as error:  # from int() and float(), or a wrong number of values
        raise RecipeError(f"--{option}: found {text!r}, expected a form such as --{option} {example}") from error
    return schedule if transfer_gives is None else facing(schedule, transfer_gives)


def parse_words(text: str) -> Schedule:
    """Read a schedule in one text, an option of the command line without its dashes: `sigmoid 16,1.5 high`.

    Raises RecipeError for a text of another form.
    """
    option, *rest = text.split() or [""]
    side: Side | None = next((side for side in SIDES if rest[-1:] == [side]), None)
    values = rest[:-1] if side else rest
    if option not in _OPTIONS or len(values) != 1:
        raise RecipeError(
            f"schedule: found {text!r}, expected one of {', '.join(OPTIONS)}, its value, and maybe low or high, such "
            "as sigmoid 16,1.5 high"
        )
    return parse(option, values[0], side)


def facing(schedule: Schedule, transfer_gives: Side) -> Schedule:
    """Return the schedule with TRANSFER at this side. Raises RecipeError for one whose alphas are explicit."""
    if not isinstance(schedule, (Swap, Sigmoid, Linear)):
        raise RecipeError(
            f"--transfer-gives {transfer_gives}: goes with --swap-res, --sigmoid and --linear only; a "
            f"{type(schedule).__name__.lower()} schedule says itself how much TRANSFER gives, so leave it out"
        )
    return replace(schedule, transfer_gives=transfer_gives)


def _swap(text: str) -> Schedule:
    return Swap(int(text))


def _sigmoid(text: str) -> Schedule:
    resolution, width = text.split(",")
    return Sigmoid(int(resolution), float(width))


def _linear(text: str) -> Schedule:
    first, last = text.split(",")
    return Linear(int(first), int(last))


def _band(text: str) -> Schedule:
    resolution, width, *peak = text.split(",")
    if len(peak) > 1:
        raise ValueError(text)
    return Band(int(resolution), float(width), *map(float, peak))


def _uniform(text: str) -> Schedule:
    return Uniform(float(text))


def _table(text: str) -> Schedule:
    entries = [(int(resolution), float(alpha)) for resolution, alpha in (item.split("=") for item in text.split(","))]
    _refuse_twice([resolution for resolution, _ in entries])
    return Table(dict(entries))


def _layers(text: str) -> Schedule:
    return Layers(
        tuple(alpha for item in text.split(",") for alpha in repeated(item, "--layers", "value", MOST_LAYERS))
    )


def repeated(item: str, option: str, word: str, most: int) -> list[float]:
    """Read `0.5*9` as nine times 0.5, `0.5` as once; `option` and `word` are for the message of a wrong count."""
    value, star, count = item.partition("*")
    repeats = int(count) if star else 1
    if not 1 <= repeats <= most:
        raise RecipeError(f"{option}: found {item!r}, expected {word}*count with a count of 1 … {most}")
    return [float(value)] * repeats


_OPTIONS: dict[str, tuple[Callable[[str], Schedule], str]] = {  # option → reader, example
    "swap-res": (_swap, "16"),
    "sigmoid": (_sigmoid, "16,1.5"),
    "linear": (_linear, "8,64"),
    "band": (_band, "32,1"),
    "alpha": (_uniform, "0.3"),
    "table": (_table, "4=1,8=0.5,16=0"),
    "layers": (_layers, "1*9,0.5*9"),
}
OPTIONS = tuple(_OPTIONS)


def _refuse_twice(resolutions: list[int]) -> None:
    twice = sorted({resolution for resolution in resolutions if resolutions.count(resolution) > 1})
    if twice:
        raise RecipeError(f"table: {', '.join(map(str, twice))} px is given twice; give each resolution one alpha")
