"""The options of `blendgan project` that say how to search, and the search that they make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.schedules import Command

if TYPE_CHECKING:
    from blendgan.projection import Finder
    from projector.optimise import ProjectionConfig

STEPS = "Steps of the search.  [default: 7 after an encoder, else 30, or 110 where no curvature is known]"
WORDS = ("lbfgs", "patience", "focus")  # of ProjectionConfig, under the same name
steps = click.option("--steps", type=click.IntRange(min=0), help=STEPS)
_SEARCH = (
    click.option("--space", type=click.Choice(["w", "w+", "w+n"]),
                 help="One style for all layers, one each, or these and the noise maps.  [default: w+ for a model that "
                      "comes with its curvature, or after an encoder, else w+n]"),
    options.encoder,
    steps,
    click.option("--lbfgs", type=click.IntRange(min=0), metavar="N", help="Then N steps of L-BFGS, which moves w."),
    click.option("--patience", type=click.IntRange(min=0), metavar="N",
                 help="A face stops that gained less than 1 % in N steps; 0 = none does."),
    click.option("--loss", metavar="NAME=WEIGHT,...",
                 help="What makes pictures alike: features, pixels, lpips.  [default: features=1,pixels=1]"),
    click.option("--focus", type=click.FloatRange(0, 1), help="0: everything counts alike; 1: the face alone."),
)  # fmt: skip
tune = click.option(
    "--tune",
    type=click.IntRange(min=1),
    metavar="N",
    help="Then tune the model to the faces in N steps; the change goes into NAME.tune.safetensors.",
)


def search_options(command: Command) -> Command:
    """Add the options that `chosen_config` reads."""
    for option in reversed(_SEARCH):
        command = option(command)
    return command


def chosen_config(chosen: dict[str, Any], finder: Finder) -> ProjectionConfig:
    """Return the search that the options say. Raises InputError for a loss that is none."""
    from projector.perceptual import parse_weights

    said = {word: chosen[word] for word in WORDS if chosen[word] is not None}
    if chosen["loss"] is not None:
        said["weights"] = parse_weights(chosen["loss"])
    if chosen["space"] is not None:
        said["space"] = chosen["space"]
        finder = finder if chosen["space"] == "w+" else replace(finder, curvature=None)  # it serves w+ alone
    return replace(finder.config_of(chosen["steps"]), seed=chosen["seed"], **said)


def change_name(result: Path) -> Path:
    """Return where a change of weights goes, beside a result."""
    return result.with_suffix(".tune.safetensors")
