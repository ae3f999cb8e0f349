"""The options that choose a schedule; `recipes.given_recipe` reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from blendgan.schedule import SIDES

SCHEDULE_KEY = "blendgan.schedule"  # in click's Context.meta: the (option, text) pairs that were given
SCHEDULE_HELP = {  # option → (form, help)
    "swap-res": ("R", "TRANSFER gives the layers up to R px."),
    "sigmoid": ("R,WIDTH", "The same with a soft edge; WIDTH in octaves."),
    "linear": ("FIRST,LAST", "All of TRANSFER up to FIRST px, none from LAST px."),
    "band": ("R,WIDTH[,PEAK]", "TRANSFER around R px only; WIDTH in octaves."),
    "alpha": ("A", "The same share A of TRANSFER, 0 to 1, everywhere."),
    "table": ("R=A,R=A,...", "A share for each resolution: 4=1,8=0.5,16=0."),
    "layers": ("A*N,A,...", "A share for each style layer: 1*9,0.5*9."),
}
Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta.setdefault(SCHEDULE_KEY, []).append((param.opts[0].removeprefix("--"), value))


def schedule_options(command: Command) -> Command:
    """Add one option for each form of schedule, which `recipes.given_recipe` reads, and --transfer-gives."""
    command = click.option(
        "--transfer-gives",
        type=click.Choice(SIDES),
        help="Which layers are TRANSFER's. [default: low, or with no schedule as TRANSFER recommends]",
    )(command)
    for name, (form, text) in reversed(SCHEDULE_HELP.items()):
        option = click.option(f"--{name}", metavar=form, expose_value=False, callback=_remember, help=text)
        command = option(command)
    return command
