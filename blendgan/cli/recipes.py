"""The options that say what a blend is, and the recipe that they, a recipe file and TRANSFER's own words make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli.schedules import SCHEDULE_KEY, Command, schedule_options
from blendgan.recipe import NAMED_POLICIES, SHIPPED_PAIR
from blendgan.schedule import Side

if TYPE_CHECKING:
    from blendgan.recipe import Recipe
    from blendgan.sources import Source

WORDS = (
    "transfer_gives",
    "weights",
    "task_vectors",
    "channels",
    *NAMED_POLICIES,
    "size",
)  # what a recipe file says itself


def recipe_options(command: Command) -> Command:
    """Add the options of a blend: schedule, weights, channels, policies, sizes, recipe file."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return schedule_options(command)


def _policy(name: str, what: str) -> Any:
    text = f"{what}: base, transfer, or a share of TRANSFER. [default: as TRANSFER recommends, else base]"
    return click.option(f"--{name}", metavar="base|transfer|A", help=text)


_OPTIONS = (
    click.option("--weights", metavar="W,W,...", help="How much of each TRANSFER; BASE gives the rest to 1."),
    click.option("--task-vectors", is_flag=True, help="Allow weights below 0, above 1, and of any sum."),
    click.option("--channels", metavar="FORM", help="A gain per channel: ramp:0,1, top:0.25:change, region:BOX:top:S."),
    _policy("mapping", "Mapping network"),
    _policy("w-avg", "Mean w"),
    _policy("noise", "Noise buffers"),
    click.option(
        "--size", type=click.Choice(["same", "smaller", "larger"]),
        help="Models of different resolution: what both have, or the larger's upper layers grafted on.",
    ),
    click.option(
        "--recipe", "recipe_file", type=click.Path(), metavar="RECIPE",
        help="A recipe (YAML), a blended model or picture that carries one, or its text: '{schedule: swap-res 8}'.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What the command line says of the blend, still as words."""

    recipe_file: str | None  # or its own text
    words: Mapping[str, Any]


def given_recipe(chosen: Mapping[str, Any]) -> Given:
    """Take the recipe's options out of a command's. Raises UsageError for a recipe file and options beside it."""
    schedules = click.get_current_context().meta.get(SCHEDULE_KEY, [])
    if len(schedules) > 1:
        raise click.UsageError(f"{' and '.join(f'--{name}' for name, _ in schedules)} are given; choose one schedule")
    words = {word: chosen[word] for word in WORDS if chosen.get(word) not in (None, False)}
    if chosen["recipe_file"] is not None and (words or schedules):
        extra = [name for name, _ in schedules] + [word.replace("_", "-") for word in words]
        raise click.UsageError(f"--recipe says all of the blend; leave out {', '.join(f'--{word}' for word in extra)}")
    return Given(chosen["recipe_file"], words | ({"schedule": schedules[0]} if schedules else {}))


def opened(models: tuple[str, ...], given: Given) -> tuple[tuple[Source, ...], Recipe]:
    """Open the models, of the command line or of the recipe file, and complete the recipe."""
    from blendgan.recipe_files import folder_of, read_recipe
    from blendgan.sources import open_recipe, open_source

    if len(models) == 1:
        raise click.UsageError("models: found 1, expected BASE and TRANSFER, or none for the shipped pair")
    if given.recipe_file is None:
        sources = tuple(map(open_source, models or SHIPPED_PAIR))
        return sources, recipe_from_words(sources, given.words)
    recipe = read_recipe(given.recipe_file)
    if not models and recipe.models:
        return open_recipe(recipe, folder_of(given.recipe_file)), recipe
    sources = tuple(map(open_source, models or SHIPPED_PAIR))
    if len(sources) != len(recipe.transfers) + 1:
        raise click.UsageError(
            f"models: found {len(sources)}, expected {len(recipe.transfers) + 1} for {given.recipe_file}: BASE, and "
            f"{len(recipe.transfers)} to blend into it"
        )
    return sources, recipe


def recipe_from_words(sources: tuple[Source, ...], words: Mapping[str, Any]) -> Recipe:
    """TRANSFER's own recommendation, and over it what the command line says; several TRANSFERs need weights."""
    from blendgan.blending import preset
    from blendgan.channel_forms import parse as parse_channels
    from blendgan.recipe import Recipe, Transfer, parse_policy, recipe_of
    from blendgan.schedule import Uniform
    from blendgan.schedule_forms import facing, parse

    one = len(sources) == 2
    own = preset(sources[1].checkpoint) if one else recipe_of(Uniform(1.0))
    weights = _weights(words["weights"], len(sources) - 1) if "weights" in words else own.weights
    if len(weights) < len(sources) - 1:
        raise click.UsageError(
            f"--weights is missing: say how much of each of the {len(sources) - 1} TRANSFERs, such as 0.5,0.3"
        )
    schedule = parse(*words["schedule"]) if "schedule" in words else own.schedule
    side: Side | None = words.get("transfer_gives")
    schedule = facing(schedule, side) if side else schedule
    channels = parse_channels(words["channels"]) if "channels" in words else own.transfers[0].channels
    mapping, w_avg, noise = (
        parse_policy(name, words[name]) if name in words else getattr(own, name) for name in NAMED_POLICIES
    )
    return Recipe(
        tuple(Transfer(schedule, weight, channels) for weight in weights),
        mapping,
        w_avg,
        noise,
        task_vectors=words.get("task_vectors", own.task_vectors),
        size=words.get("size", own.size),
    )


def changed_recipe(recipe: Recipe, words: Mapping[str, Any]) -> Recipe:
    """A recipe, and over it what the command line says: a new schedule faces the old one's side unless it is said."""
    from dataclasses import replace

    from blendgan.channel_forms import parse as parse_channels
    from blendgan.recipe import parse_policy
    from blendgan.schedule_forms import facing, parse

    transfers = list(recipe.transfers)
    if "schedule" in words:
        schedule, old = parse(*words["schedule"]), recipe.schedule
        if hasattr(schedule, "transfer_gives") and hasattr(old, "transfer_gives"):
            schedule = facing(schedule, old.transfer_gives)
        transfers = [replace(each, schedule=schedule) for each in transfers]
    if "transfer_gives" in words:
        transfers = [replace(each, schedule=facing(each.schedule, words["transfer_gives"])) for each in transfers]
    if "weights" in words:
        weights = _weights(words["weights"], len(transfers))
        transfers = [replace(each, weight=weight) for each, weight in zip(transfers, weights, strict=True)]
    if "channels" in words:
        channels = parse_channels(words["channels"])
        transfers = [replace(each, channels=channels) for each in transfers]
    changes: dict[str, Any] = {name: words[name] for name in ("task_vectors", "size") if name in words}
    changes |= {name: parse_policy(name, words[name]) for name in NAMED_POLICIES if name in words}
    return replace(recipe, transfers=tuple(transfers), **changes)


def _weights(text: str, count: int) -> tuple[float, ...]:
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise click.UsageError(f"--weights: found {text!r}, expected numbers such as 0.5,0.3") from error
    if len(weights) != count:
        raise click.UsageError(f"--weights: found {len(weights)}, expected {count}, one for each TRANSFER")
    return weights
