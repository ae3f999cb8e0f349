"""`blendgan mix`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.progress import with_bar
from blendgan.cli.seeing import Layers, drawing_options, said_of

if TYPE_CHECKING:
    from blendgan.rendering import Setting
EXAMPLES = """\b
Examples:
  blendgan mix --rows 0-3 --cols 4-9
  blendgan mix --network blend.safetensors --rows 0-3 --cols 4-9 --layers 4-9 -o fine.png"""


@click.command(epilog=EXAMPLES)
@options.network
@click.option("--rows", type=options.Seeds(), default="0-3", show_default=True, help="Seeds of the first column.")
@click.option("--cols", type=options.Seeds(), default="4-9", show_default=True, help="Seeds of the first row.")
@click.option(
    "--layers",
    "--col-layers",
    type=Layers(),
    default="0-3",  # the coarse styles of StyleGAN, section 3.1: 4 and 8 px, pose and shape
    show_default=True,
    help="Style layers that a picture takes from its column's seed; the others come from its row's.",
)
@click.option("-o", "--out", type=options.PngFile(), default=Path("mix.png"), show_default=True)
@drawing_options
def mix(
    network: str,
    rows: tuple[int, ...],
    cols: tuple[int, ...],
    layers: tuple[int, ...],
    out: Path,
    setting: Setting,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Draw a table of style mixtures: some layers from the column's face, the others from the row's."""
    from blendgan.images import write_png
    from blendgan.mixing import lay_out, table
    from blendgan.papers import text_of
    from blendgan.rendering import open_renderer
    from blendgan.sources import open_source

    source = open_source(network)
    renderer = open_renderer(source.checkpoint, setting)
    styles = table(renderer.styles_of(rows), renderer.styles_of(cols), layers)
    pictures = list(with_bar(renderer.draw_each(styles), "mix", total=len(styles), quiet=quiet))
    write_png(out, lay_out(pictures, rows, cols), None if no_metadata else text_of(said_of(source)))
    if not quiet:
        click.echo(out)
