"""The border where a recipe comes in: plain values from a file -> `Recipe`, with every mistake named by its key.

Everything is checked here, by pydantic and by the dataclasses' own rules; inside, a `Recipe` is right by construction.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from blendgan.recipe import Recipe
from blendgan.recipe_forms import FORMS, Form, ModelForm, RecipeForm, TransferForm
from stylegan2.errors import RecipeError


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: where, as keys and places in lists, and what, as one line."""

    where: tuple[str | int, ...]
    what: str

    def line(self) -> str:
        """`transfers[0].schedule.resolution: found …`."""
        return f"{_dotted(self.where)}: {self.what}" if self.where else self.what


class BadRecipe(RecipeError):
    """A recipe with mistakes; who knows the file adds its lines."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(mistake.line() for mistake in mistakes))
        self.mistakes = mistakes


def from_json(values: object) -> Recipe:
    """Build a recipe from plain values. Raises BadRecipe, which lists key, value and what is allowed."""
    if not isinstance(values, Mapping):
        found = "nothing" if values is None else repr(values)[:60]
        raise BadRecipe([Mistake((), f"recipe: found {found}, expected keys such as {', '.join(_keys(RecipeForm))}")])
    try:
        return RecipeForm.model_validate(dict(values)).build()
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise BadRecipe([_mistake(detail["loc"], detail) for detail in details]) from error
    except RecipeError as error:  # what only the whole recipe can tell, such as weights that sum to more than 1
        raise BadRecipe([Mistake((), str(error))]) from error


# ---- what pydantic says, in our words ------------------------------------------------------------------------


def _mistake(place: tuple[str | int, ...], detail: Any) -> Mistake:
    where = tuple(part for i, part in enumerate(place) if not _is_tag(place, i))
    kind, found = detail["type"], repr(detail.get("input"))[:60]
    if kind == "extra_forbidden":
        return Mistake(where, f"unknown key, expected {_hint(str(where[-1]), _keys(_form_at(place)))}")
    if kind == "missing":
        return Mistake(where[:-1], f"the key {where[-1]} is missing")
    if kind == "value_error":
        what = str(detail["ctx"]["error"]).removeprefix(f"{where[-1]}: " if where else "")
        return _moved_to_its_key(Mistake(where, what), _keys(_form_at((*place, ""))))
    if kind.startswith("union_tag"):
        tag = detail["input"].get("kind") if isinstance(detail["input"], Mapping) else detail["input"]
        return Mistake((*where, "kind"), f"found {tag!r}, expected one of {', '.join(FORMS)}")
    expected = detail.get("ctx", {}).get("expected") or EXPECTED.get(kind) or _expectation(detail["msg"])
    return Mistake(where, f"found {found}, expected {expected}")


EXPECTED = {  # what pydantic says in words of its own
    "model_attributes_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
    "dict_type": "a mapping such as {4: 1, 8: 0.5}",
    "tuple_type": "a list",
    "bool_parsing": "true or false",
}


def _moved_to_its_key(mistake: Mistake, keys: list[str]) -> Mistake:
    """`schedule: resolution: found 15` is said of the whole schedule; its line is that of the resolution."""
    key, colon, rest = mistake.what.partition(": ")
    return Mistake((*mistake.where, key), rest) if colon and key in keys else mistake


def _expectation(message: str) -> str:
    """`Input should be a valid integer, …` -> `a valid integer, …`."""
    return message.removeprefix("Input should be ").removeprefix("String should have ")


def _is_tag(place: tuple[str | int, ...], i: int) -> bool:
    """Pydantic puts a schedule's kind into the place; the file has no such level."""
    return i > 0 and place[i - 1] == "schedule" and place[i] in FORMS


def _form_at(place: tuple[str | int, ...]) -> type[Form]:
    """The form whose key ends a place."""
    tags = [part for i, part in enumerate(place) if _is_tag(place, i)]
    if tags:
        return FORMS[str(tags[0])]
    if len(place) > 1:
        return TransferForm if place[0] == "transfers" else ModelForm
    return RecipeForm


def _keys(form: type[Form]) -> list[str]:
    return list(form.model_fields)


def _hint(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"{close[0]} (the keys here are {', '.join(known)})" if close else f"one of {', '.join(known)}"


def _dotted(where: tuple[str | int, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in where]
    return "".join(parts).removeprefix(".")
