"""`blendgan dni correlation`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import dni_measures, options
from blendgan.cli.tables import show_columns

if TYPE_CHECKING:
    from blendgan.dni.correlation_tables import Pair
    from blendgan.dni.sweep_table import Table

EXAMPLES = """\b
Examples:
  blendgan dni correlation denoise-20 denoise-60
  blendgan dni correlation n20.pth n30.pth n40.pth --plot correlation.png
  blendgan dni correlation denoise-20 denoise-60 --images photos --noise 40
  blendgan dni correlation denoise-20 denoise-60 --json"""


@click.command(epilog=EXAMPLES)
@click.argument("networks", metavar="A B...", nargs=-1, required=True)
@click.option("--plot", type=options.PngFile(), metavar="FILE.png", help="Draw the index over the layers.")
@click.option("--images", type=dni_measures.FOLDER, metavar="DIR", help="Clean pictures: measure the barrier, too.")
@dni_measures.noise
@dni_measures.crop
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@options.quiet
@options.debug
def correlation(networks: tuple[str, ...], plot: Path | None, as_json: bool, quiet: bool, **measured: Any) -> None:
    """Show layer by layer how far the filters of A and B correlate, and of A and each further network.

    Networks that share an ancestry have an index near 1, strangers 0 (Wang et al. 2018, eq. 3). With --images, whether
    the networks between are worse than the two ends: they restore pictures that were made worse, as by `dni sweep`. The
    exit code is 0 whatever the answer.
    """
    from blendgan.dni.correlation_tables import correlate

    pairs = correlate(networks)
    table = _barriers(networks, quiet=quiet, **measured)
    (_show_json if as_json else _show)(pairs, table)
    if plot is not None:
        _draw(plot, pairs)


def _barriers(
    networks: tuple[str, ...], *, images: Path | None, noise: tuple[float, ...], crop_px: int, quiet: bool
) -> Table | None:
    from blendgan.cli.progress import counting_bar
    from blendgan.dni.barrier_measures import measure_barriers

    if images is None:
        if noise:
            raise click.UsageError("--noise goes with --images DIR: it is what the pictures get")
        return None
    with counting_bar("barriers", quiet=quiet) as watch:
        return measure_barriers(networks, images, noise, crop_px or None, watch)


def _show_json(pairs: Sequence[Pair], table: Table | None) -> None:
    from blendgan.dni.correlation_tables import to_json

    found = to_json(pairs)
    if table is not None:
        from blendgan.dni.sweep_table import table_json

        found["barriers"] = table_json(table)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _show(pairs: Sequence[Pair], table: Table | None) -> None:
    from blendgan.dni.correlation_tables import headings, rows, sentences

    show_columns(f"A is {pairs[0].first}", headings(pairs), rows(pairs))
    for sentence in sentences(pairs):
        click.echo(sentence)
    if table is not None:
        from blendgan.dni import sweep_table

        for sentence in sweep_table.sentences(table):
            click.echo(sentence)


def _draw(path: Path, pairs: Sequence[Pair]) -> None:
    from blendgan.dni.correlation_tables import chart
    from blendgan.images import write_png
    from blendgan.plots import draw

    write_png(path, draw(chart(pairs)))
