"""A recipe of one TRANSFER in the command line's words, and back: `--sigmoid 16,1.5 --transfer-gives high --noise 0.5`.

    {"schedule": "sigmoid 16,1.5 high", "channels": "ramp:0,1", "mapping": "base", "w-avg": "base", "noise": "0.5"}

Words are short, so they stand in addresses and in commands that are shown; what has no words goes as a whole recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from blendgan import channel_forms, schedule_forms
from blendgan.recipe import NAMED_POLICIES, Recipe, Transfer, parse_policy
from stylegan2.errors import RecipeError

KEYS = ("schedule", "channels", "mapping", "w-avg", "noise")


def to_words(recipe: Recipe) -> dict[str, str] | None:
    """Return the recipe's words, all but those of its models; None where words would not say all of it exactly."""
    transfer = recipe.transfers[0]
    words = {"schedule": schedule_forms.to_words(transfer.schedule)}
    if transfer.channels is not None:
        words["channels"] = channel_forms.to_words(transfer.channels)
    words |= {name.replace("_", "-"): str(getattr(recipe, name)) for name in NAMED_POLICIES}
    bare = replace(recipe, base=None, transfers=(replace(transfer, model=None), *recipe.transfers[1:]))
    try:
        return words if from_words(words, bare) == bare and bare == _plain(bare) else None
    except RecipeError:
        return None


def _plain(recipe: Recipe) -> Recipe:
    """The recipe with one TRANSFER of full weight, as words have it."""
    first = recipe.transfers[0]
    return Recipe((Transfer(first.schedule, channels=first.channels),), recipe.mapping, recipe.w_avg, recipe.noise)


def from_words(words: Mapping[str, str], own: Recipe) -> Recipe:
    """Read words over a recipe, which says what they leave out. Raises RecipeError for words of another form."""
    transfer = own.transfers[0]
    if "schedule" in words:
        transfer = replace(transfer, schedule=schedule_forms.parse_words(words["schedule"]))
    if "channels" in words:
        chosen = words["channels"]
        transfer = replace(transfer, channels=None if chosen == "all" else channel_forms.parse(chosen))
    policies: Any = {
        name: parse_policy(name, words[name.replace("_", "-")])
        for name in NAMED_POLICIES
        if name.replace("_", "-") in words
    }
    return replace(own, transfers=(transfer, *own.transfers[1:]), **policies)


def to_options(recipe: Recipe, own: Recipe) -> list[str] | None:
    """Return a recipe as arguments of `blend`, `toonify` and the like, which take `own` where they say nothing.

    None where only a whole recipe says it.
    """
    words, usual = to_words(recipe), to_words(own) or {}
    if words is None or ("channels" in usual and "channels" not in words):
        return None
    option, *rest = words["schedule"].split()
    arguments = [f"--{option}", rest[0]]
    if len(rest) > 1:
        arguments += ["--transfer-gives", rest[1]]
    for name in KEYS[1:]:
        if words.get(name) != usual.get(name, "base" if name != "channels" else None):
            arguments += [f"--{name}", words[name]]
    return arguments
