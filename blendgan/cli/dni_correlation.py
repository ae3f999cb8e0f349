"""`blendgan dni correlation`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.tables import show_columns

if TYPE_CHECKING:
    from blendgan.dni.correlation_tables import Pair

EXAMPLES = """\b
Examples:
  blendgan dni correlation denoise-20.pth denoise-60.pth
  blendgan dni correlation n20.pth n30.pth n40.pth --plot correlation.png
  blendgan dni correlation denoise-20.pth denoise-60.pth --json"""


@click.command(epilog=EXAMPLES)
@click.argument("networks", metavar="A B...", nargs=-1, required=True)
@click.option("--plot", type=options.PngFile(), metavar="FILE.png", help="Draw the index over the layers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@options.debug
def correlation(networks: tuple[str, ...], plot: Path | None, as_json: bool) -> None:
    """Show layer by layer how far the filters of A and B correlate, and of A and each further network.

    Networks that share an ancestry have an index near 1, strangers 0 (Wang et al. 2018, eq. 3). The exit code is 0
    whatever the answer.
    """
    from blendgan.dni.correlation_tables import correlate, to_json

    pairs = correlate(networks)
    if as_json:
        click.echo(json.dumps(to_json(pairs), ensure_ascii=False, indent=2))
    else:
        _show(pairs)
    if plot is not None:
        _draw(plot, pairs)


def _show(pairs: Sequence[Pair]) -> None:
    from blendgan.dni.correlation_tables import headings, rows, sentences

    show_columns(f"A is {pairs[0].first}", headings(pairs), rows(pairs))
    for sentence in sentences(pairs):
        click.echo(sentence)


def _draw(path: Path, pairs: Sequence[Pair]) -> None:
    from blendgan.dni.correlation_tables import chart
    from blendgan.images import write_png
    from blendgan.plots import draw

    write_png(path, draw(chart(pairs)))
