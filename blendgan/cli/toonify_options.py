"""The options of `blendgan toonify`, and the settings that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.schedules import SHIPPED_PAIR, Command

if TYPE_CHECKING:
    from blendgan.toonification import ToonSettings

_MODELS = (
    click.option("--base", default=SHIPPED_PAIR[0], show_default=True, metavar="MODEL", help="Of photographs."),
    click.option("--transfer", default=SHIPPED_PAIR[1], show_default=True, metavar="MODEL", help="Trained from it."),
)
_SETTINGS = (
    click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3."),
    click.option("--aligned", is_flag=True, help="The picture is an aligned face already; take it whole."),
    click.option("--paste", type=click.Choice(["change", "face"]), default="change", show_default=True,
                 help="Add the change to the photo, or paste the rendered face."),
    click.option("--auto", is_flag=True,
                 help="Search for the schedule that suits the faces best; writes photo.toon.front.png."),
    options.encoder,
    click.option("--steps", type=click.IntRange(min=0),
                 help="Steps of the projection.  [default: 5 after an encoder, else 110]"),
)  # fmt: skip
_FILES = (
    click.option("-o", "--out", type=options.PngFile(), help="The result's name, for one photo."),
    click.option("--outdir", type=click.Path(file_okay=False, path_type=Path),
                 help="Folder for the results. [default: beside the photo]"),
)  # fmt: skip


def model_options(command: Command) -> Command:
    """Add --base and --transfer, which `named_models` reads."""
    return _with(_MODELS, command)


def toon_options(command: Command) -> Command:
    """Add how to redraw, which `chosen_settings` reads, and where to write."""
    return _with((*_SETTINGS, *_FILES), command)


def named_models(base: str, transfer: str) -> tuple[str, ...]:
    """The models of the command line; none where it names none, so that a recipe's own count."""
    is_said = any(options.is_given(name) for name in ("base", "transfer"))
    return (base, transfer) if is_said else ()


def chosen_settings(chosen: dict[str, Any]) -> ToonSettings:
    """Return the settings that the options say."""
    from blendgan.faces import WHOLE, parse_selection
    from blendgan.toonification import ToonSettings

    selection = WHOLE if chosen["aligned"] else parse_selection(chosen["faces"])
    return ToonSettings(selection, chosen["paste"], steps=chosen["steps"])


def _with(found: tuple[Any, ...], command: Command) -> Command:
    for option in reversed(found):
        command = option(command)
    return command
