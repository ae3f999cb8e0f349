"""`blendgan morph`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.films import film_options, target
from blendgan.cli.progress import with_bar
from blendgan.cli.seeing import drawing_options, open_pair, said_of

if TYPE_CHECKING:
    from blendgan.rendering import Setting
EXAMPLES = """\b
Examples:
  blendgan morph --seeds 0-3 -o morph.mp4
  blendgan morph ffhq.pkl cartoon.pkl --seeds 0-3 --frames 90 --one-way -o morph.gif"""


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="[BASE TRANSFER]", nargs=-1)
@click.option("--seeds", type=options.Seeds(), default="0-3", show_default=True, help="The faces, side by side.")
@click.option("--one-way", is_flag=True, help="End at TRANSFER; without it the film goes back, and loops.")
@film_options(frames=60)
@drawing_options
def morph(
    models: tuple[str, ...],
    seeds: tuple[int, ...],
    one_way: bool,
    frames: int,
    fps: int,
    out: Path | None,
    setting: Setting,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Go from BASE's weights to TRANSFER's and back while the latents stay, as a film.

    Mapping and mean w are BASE's throughout. Without models, the shipped pair.
    """
    from blendgan import walks
    from blendgan.video import write_video

    out = target(out, "morph")
    pair = open_pair(models)
    alphas = walks.one_way(frames) if one_way else walks.there_and_back(frames)
    text = "" if no_metadata else json.dumps(said_of(*pair))
    drawn = walks.morph(*pair, alphas, seeds, setting)
    write_video(out, with_bar(drawn, "morph", total=frames, quiet=quiet), fps, text)
    if not quiet:
        click.echo(out)
