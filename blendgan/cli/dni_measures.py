"""Options of the commands that measure networks on pictures, one decorator each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class Levels(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """`15,25,50` → (15.0, 25.0, 50.0); their range is checked where they are used."""

    name = "levels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Parse the list."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(word) for word in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r}: expected standard deviations of 255 with commas between: 15,25,50", param, ctx)


noise = click.option(
    "--noise",
    type=Levels(),
    default=(),
    metavar="SIGMA,...",
    help="Of 255: standard deviation of the noise that pictures of DIR get. [default: none, for networks that enlarge]",
)
crop = click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=0),
    default=256,
    show_default=True,
    metavar="PX",
    help="The middle of each picture that is taken, at most; 0 takes all of it.",
)
repair = click.option(
    "--repair",
    type=FOLDER,
    metavar="DIR",
    help="Restore the activations of mixed networks, on these clean pictures with --noise (REPAIR).",
)
