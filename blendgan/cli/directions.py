"""`blendgan directions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.progress import with_bar
from blendgan.cli.seeing import Layers, drawing_options, said_of
from blendgan.cli.tables import show_table

if TYPE_CHECKING:
    from blendgan.directions import Directions
    from blendgan.rendering import Renderer, Setting

EXAMPLES = """\b
Examples:
  blendgan directions --count 6 --sheet directions.png
  blendgan directions --network ffhq.pkl --layers 0-3 --sheet pose.png --strength 5 --seeds 0,7 -o pose.safetensors"""


@click.command(epilog=EXAMPLES)
@options.network
@click.option("--count", type=click.IntRange(min=1), default=8, show_default=True, help="How many, strongest first.")
@click.option("--layers", type=Layers(), help="Style layers to look at, and to move. [default: all]")
@click.option("--sheet", type=options.PngFile(), help="Draw what each of them does.")
@click.option(
    "--strength", type=options.Finite(), default=3.0, show_default=True, help="Longest step of the sheet, in w."
)
@click.option("--seeds", type=options.Seeds(), default="0,1", show_default=True, help="Faces of the sheet.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("directions.safetensors"),
    show_default=True,
)
@options.force
@drawing_options
def directions(
    network: str,
    count: int,
    layers: tuple[int, ...] | None,
    sheet: Path | None,
    strength: float,
    seeds: tuple[int, ...],
    out: Path,
    setting: Setting,
    force: bool,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Find the directions of w that change a model's styles most (SeFa), without drawing or training anything."""
    from blendgan.directions import check_target, find_directions, save_directions
    from blendgan.papers import text_of
    from blendgan.rendering import open_renderer
    from blendgan.sources import open_source

    if out.resolve() == Path(network).resolve():
        raise click.UsageError(f"{out}: is the model itself; choose another name with -o")
    check_target(out, replace=force)
    source = open_source(network)
    found = find_directions(source.checkpoint, count, layers)
    if sheet is not None:
        text = None if no_metadata else text_of(said_of(source))
        _draw(sheet, open_renderer(source.checkpoint, setting), found, seeds, strength, text, quiet=quiet)
    save_directions(found, out, replace=force)
    if not quiet:
        _show(found)
        click.echo("\n".join(str(path) for path in (out, sheet) if path is not None))


def _draw(
    path: Path,
    renderer: Renderer,
    found: Directions,
    seeds: tuple[int, ...],
    strength: float,
    text: dict[str, str] | None,
    *,
    quiet: bool,
) -> None:
    from blendgan.directions import lay_out, sheet_styles
    from blendgan.images import write_png

    styles = sheet_styles(renderer.styles_of(seeds), found, strength)
    pictures = list(with_bar(renderer.draw_each(styles), "directions", total=len(styles), quiet=quiet))
    write_png(path, lay_out(pictures, found, seeds, strength), text)


def _show(found: Directions) -> None:
    rows = [(f"{i}", f"{value:.4g}") for i, value in enumerate(found.eigenvalues.tolist())]
    show_table("directions, strongest first", [("direction", "eigenvalue"), *rows])
