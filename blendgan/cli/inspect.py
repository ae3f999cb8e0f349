"""`blendgan inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.tables import show_table
from stylegan2.errors import InputError

if TYPE_CHECKING:
    from blendgan.kinship import Kinship

LONGEST_NAME = 30  # characters of a file's name in the chart's title

EXAMPLES = """\b
Examples:
  blendgan inspect portraits
  blendgan inspect network-snapshot-000160.pkl --json
  blendgan inspect portraits paintings --plot kinship.png"""


@click.command(epilog=EXAMPLES)
@click.argument("model")
@click.argument("other", required=False)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Draw how alike two models are at each resolution.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@options.debug
def inspect(model: str, other: str | None, plot: Path | None, as_json: bool) -> None:
    """Show what MODEL, a file of any known format or a shipped name, holds.

    With OTHER, show whether two models are of one family, so that they can be blended: MODEL is BASE, OTHER TRANSFER.
    The exit code is 0 whatever the answer.
    """
    if other is not None:
        _inspect_pair(model, other, plot, as_json)
    elif plot is not None:
        raise InputError("--plot: found one model, expected two: blendgan inspect MODEL OTHER --plot FILE.png")
    else:
        _inspect_one(model, as_json)


def _inspect_one(model: str, as_json: bool) -> None:
    from blendgan.inspection import inspect as look_into

    found = look_into(model)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        show_table(model, found.items())


def _inspect_pair(base: str, transfer: str, plot: Path | None, as_json: bool) -> None:
    from blendgan.comparison import inspect_pair, kinship_json, kinship_rows, sentences

    if plot is not None and plot.suffix.lower() != ".png":
        raise InputError(f"{plot}: found the ending {plot.suffix!r}, expected .png, the form that is drawn")
    kinship = inspect_pair(base, transfer)
    if as_json:
        click.echo(json.dumps({"base": base, "transfer": transfer, **kinship_json(kinship)}, indent=2))
    else:
        if kinship.rows:
            show_table(f"BASE {Path(base).name}, TRANSFER {Path(transfer).name}", kinship_rows(kinship))
        for sentence in sentences(kinship):
            click.echo(sentence)
    if plot is not None:
        _draw(plot, kinship, [Path(name).stem[:LONGEST_NAME] for name in (base, transfer)])


def _draw(path: Path, kinship: Kinship, names: list[str]) -> None:
    from blendgan.comparison import kinship_chart
    from blendgan.images import write_png
    from blendgan.plots import draw

    if not kinship.rows:
        click.echo(f"{path}: not drawn, since the models cannot be compared", err=True)
        return
    write_png(path, draw(kinship_chart(kinship, f"{' and '.join(names)}: {kinship.verdict}")))
