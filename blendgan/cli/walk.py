"""`blendgan walk`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from blendgan.cli import options
from blendgan.cli.films import film_options, target
from blendgan.cli.progress import with_bar
from blendgan.cli.seeing import drawing_options, said_of

if TYPE_CHECKING:
    from blendgan.rendering import Setting
EXAMPLES = """\b
Examples:
  blendgan walk --seeds 0-3 --frames 120 -o walk.mp4
  blendgan walk --network blend.safetensors --seeds 7,42 --space z --open -o walk.gif"""


@click.command(epilog=EXAMPLES)
@options.network
@click.option("--seeds", type=options.Seeds(), default="0-3", show_default=True, help="The faces on the way.")
@click.option(
    "--space",
    type=click.Choice(["w", "z"]),
    default="w",
    show_default=True,
    help="w: a smooth curve through the styles. z: great circles between the latents.",
)
@click.option("--open", "is_open", is_flag=True, help="End at the last seed; without it the film loops.")
@film_options(frames=120)
@drawing_options
def walk(
    network: str,
    seeds: tuple[int, ...],
    space: Literal["w", "z"],
    is_open: bool,
    frames: int,
    fps: int,
    out: Path | None,
    setting: Setting,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Walk through the latents of one model, from seed to seed and back to the first, as a film."""
    from blendgan.rendering import open_renderer
    from blendgan.sources import open_source
    from blendgan.video import write_video
    from blendgan.walks import walk as draw

    out = target(out, "walk")
    source = open_source(network)
    drawn = draw(open_renderer(source.checkpoint, setting), seeds, frames, space, "open" if is_open else "closed")
    text = "" if no_metadata else json.dumps(said_of(source))
    write_video(out, with_bar(drawn, "walk", total=frames, quiet=quiet), fps, text)
    if not quiet:
        click.echo(out)
