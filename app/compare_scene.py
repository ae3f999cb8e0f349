"""`CompareScene`: two blends, each in a word or two, and where the line between them stands.

    ?left=base&right=sigmoid+16,1.5+high&wipe=0.35

A side is `base`, `transfer`, `present` (the blend of the page Explore), `recommended` (by TRANSFER), the name of a
ready recipe, or a schedule in the command line's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.engine import ALL_BASE, ALL_TRANSFER, Pair
from app.scene import Scene
from app.schedule_controls import fitting_recipes
from blendgan.recipe import Recipe, recipe_of
from blendgan.recipe_files import ready_recipes
from blendgan.schedule_forms import parse_words
from stylegan2.errors import InputError, RecipeError

KEYS = ("left", "right", "wipe")
NAMES = {
    "present": "the present blend",
    "base": "BASE",
    "transfer": "TRANSFER",
    "recommended": "as TRANSFER recommends",
}


@dataclass(frozen=True)
class CompareScene:
    """Two sides in words; `wipe`: the share of a picture's width that is the left one's."""

    left: str = "base"
    right: str = "present"
    wipe: float = 0.5


def recipe_of_side(side: str, scene: Scene, pair: Pair) -> Recipe:
    """Return the recipe that a side means. Raises RecipeError for words of no known form."""
    known = {"base": ALL_BASE, "transfer": ALL_TRANSFER, "present": scene.recipe, "recommended": pair.recommended}
    ready = fitting_recipes(pair)
    if side in ready_recipes() and side not in ready:
        raise RecipeError(f"{side}: is for models of other sizes; choose another recipe")
    return known[side] if side in known else ready[side] if side in ready else recipe_of(parse_words(side))


def name_of_side(side: str) -> str:
    """Return what a side is called on the page."""
    return NAMES.get(side, side)


def to_query(compared: CompareScene) -> dict[str, str]:
    """Return the words of an address."""
    return {"left": compared.left, "right": compared.right, "wipe": f"{compared.wipe:g}"}


def side(text: str) -> str:
    """Return a side's words. Raises RecipeError for words of no known form."""
    if text not in NAMES and text not in ready_recipes():
        parse_words(text)
    return text


def _wipe(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"found {text!r}, expected a number between 0 and 1")
    return share


READERS: Mapping[str, Callable[[CompareScene, str], CompareScene]] = {  # key of an address → what it changes
    "left": lambda compared, text: replace(compared, left=side(text)),
    "right": lambda compared, text: replace(compared, right=side(text)),
    "wipe": lambda compared, text: replace(compared, wipe=_wipe(text)),
}
