"""The options of `blendgan toonify`, and the settings that they make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.projection_options import steps, tune
from blendgan.cli.schedules import Command
from blendgan.inputs import VIDEOS
from blendgan.recipe import SHIPPED_PAIR

if TYPE_CHECKING:
    from blendgan.toonification import ToonSettings

ALL_SWAPS = "all"
FILMS = (".gif", ".apng", *VIDEOS)


class PictureFile(click.Path):
    """The name of a picture that is to be written, in the form that its ending says."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the ending, before any work."""
        from blendgan.picture_files import form_of  # needs Pillow, which --help does not
        from stylegan2.errors import InputError

        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            if path.suffix.lower() not in FILMS:  # those are for films alone, as is seen when the input is known
                form_of(path)
        except InputError as error:
            self.fail(str(error), param, ctx)
        return path


class SwapResolutions(click.ParamType):  # type: ignore[type-arg]
    """`4,8,16` → (4, 8, 16); `all` → (), which is all that the models have."""

    name = "resolutions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse the list."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if value != ALL_SWAPS and not all(part.isdecimal() and int(part) > 0 for part in parts):
            self.fail(
                f"{value!r}: expected swap resolutions such as 4,8,16, or all; before a photo, --grid={ALL_SWAPS}",
                param, ctx,
            )  # fmt: skip
        return () if value == ALL_SWAPS else tuple(dict.fromkeys(map(int, parts)))


_MODELS = (
    click.option("--base", default=SHIPPED_PAIR[0], show_default=True, metavar="MODEL", help="Of photographs."),
    click.option("--transfer", default=SHIPPED_PAIR[1], show_default=True, metavar="MODEL", help="Trained from it."),
    click.option("--style", metavar="NAME",
                 help="A ready recipe (`blendgan recipe` lists them), or a shipped TRANSFER: paintings, cartoons."),
)  # fmt: skip
_SETTINGS = (
    click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3."),
    click.option("--aligned", is_flag=True, help="The picture is an aligned face already; take it whole."),
    click.option("--paste", type=click.Choice(["change", "face"]), default="change", show_default=True,
                 help="Add the change to the photo, or paste the rendered face."),
    click.option("--detail", type=click.FloatRange(0, 1), metavar="D",
                 help="How much of the photo's own fine texture stays, 0 to 1.  [default: 0.25; with --paste face 0]"),
    click.option("--match-colour", is_flag=True, help="Draw in the colours of the photo's own face."),
    click.option("--auto", is_flag=True,
                 help="Search for the schedule that suits the faces best; writes photo.toon.front.png."),
    options.encoder,
    steps,
    tune,
)  # fmt: skip
_FILES = (
    click.option("--again", type=click.Path(path_type=Path), metavar="RESULT",
                 help="Draw a result again, with other options, without finding its faces; PHOTO, if it moved."),
    click.option("-o", "--out", type=PictureFile(), help="The result's name, for one photo: .png, .jpg, .webp, .tif."),
    click.option("--outdir", type=click.Path(file_okay=False, path_type=Path),
                 help="Folder for the results. [default: beside the photo]"),
    click.option("--strip/--no-strip", default=True, show_default=True,
                 help="Write the strip: aligned | projected | toonified."),
    click.option("--grid", is_flag=False, flag_value=ALL_SWAPS, type=SwapResolutions(), metavar="R,R,...",
                 help="Also draw the faces at these swap resolutions, or at all, to compare."),
)  # fmt: skip


def model_options(command: Command) -> Command:
    """Add --base, --transfer and --style, which `named_models` and `toonify_styles` read."""
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
    from projector.tuning import TuningConfig

    selection = WHOLE if chosen["aligned"] else parse_selection(chosen["faces"])
    tuning = TuningConfig(steps=chosen["tune"]) if chosen["tune"] else None
    return ToonSettings(
        selection,
        chosen["paste"],
        steps=chosen["steps"],
        detail=chosen["detail"],
        match_colour=chosen["match_colour"],
        tuning=tuning,
    )


def settings_over(recorded: ToonSettings, chosen: dict[str, Any]) -> ToonSettings:
    """Return recorded settings, and over them what the command line says. Raises UsageError for what is over by now."""
    from dataclasses import replace

    late = [name for name in ("aligned", "steps", "encoder", "tune") if options.is_given(name)]
    if late:
        raise click.UsageError(f"--again takes the faces and latents of the result; leave out --{late[0]}")
    said = {name: chosen[name] for name in ("paste", "detail", "match_colour") if options.is_given(name)}
    return replace(recorded, selection=chosen_settings(chosen).selection, **said)


def _with(found: tuple[Any, ...], command: Command) -> Command:
    for option in reversed(found):
        command = option(command)
    return command
