"""`blendgan grid`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.axes import parse_axis
from blendgan.cli import options
from blendgan.cli.axes import Axis
from blendgan.cli.progress import with_bar
from blendgan.cli.seeing import drawing_options, open_pair, said_of
from blendgan.schedule import SIDES, Side
from blendgan.seeds import LARGEST_SEED

if TYPE_CHECKING:
    from torch import Tensor

    from blendgan import axes
    from blendgan.rendering import Setting
    from blendgan.sources import Source

EXAMPLES = """\b
Examples:
  blendgan grid --x swap-res=4,8,16,32 --y alpha=0,0.25,0.5,1 --seed 3
  blendgan grid --x seeds=0-5 --y "schedules=alpha 0; swap-res 8 high; alpha 1"
  blendgan grid ffhq.pkl cartoon.pkl --x transfer-gives=low,high --y seeds=0-3
  blendgan grid --y alpha=0,0.5,1 --match-colour --drift -o matched.png"""


@click.command(epilog=EXAMPLES)
@click.argument("models", metavar="[BASE TRANSFER]", nargs=-1)
@click.option("--x", type=Axis(), default="swap-res=4,8,16,32", show_default=True, help="What changes along the rows.")
@click.option("--y", type=Axis(), default="seeds=0-3", show_default=True, help="What changes down the columns.")
@click.option("--swap-res", type=int, metavar="R", help="The swap, where no axis says it.")
@click.option("--alpha", type=float, metavar="A", help="The share of TRANSFER, where no axis says it.")
@click.option(
    "--transfer-gives", type=click.Choice(SIDES), help="TRANSFER's side, where no axis says it. [default: low]"
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help="The face, where no axis says it.",
)
@click.option("--match-colour", is_flag=True, help="Give all rows the colours (mean, deviation) of the first.")
@click.option("--drift", is_flag=True, help="Say how far each row's mean colour lies from the first row's.")
@click.option("-o", "--out", type=options.PngFile(), default=Path("grid.png"), show_default=True)
@drawing_options
def grid(
    models: tuple[str, ...],
    x: axes.Axis,
    y: axes.Axis,
    swap_res: int | None,
    alpha: float | None,
    transfer_gives: Side | None,
    seed: int,
    match_colour: bool,
    drift: bool,
    out: Path,
    setting: Setting,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Draw blends of two models side by side: two axes, each a swap, a share, seeds, schedules, or TRANSFER's side.

    An axis of shares beside one of swaps gives TRANSFER's side of the swap that share, and leaves BASE the rest. Where
    nothing says how to blend, the schedule that TRANSFER recommends is used. Mapping and mean w are BASE's.
    """
    from blendgan.images import write_png
    from blendgan.papers import text_of
    from blendgan.sheets import lay_out

    y = _other_than(x, y)
    fixed = _fixed(swap_res, alpha, transfer_gives, seed, (x.name, y.name))
    pair = open_pair(models)
    drawn = _draw(pair, x, y, fixed, setting, quiet=quiet)
    shown = _matched(drawn) if match_colour else drawn
    captions = _with_drifts(y.captions, drawn, shown) if drift else y.captions
    text = None if no_metadata else text_of(said_of(*pair))
    write_png(out, lay_out(x, captions, shown), text)
    if drift and not quiet:
        _print_drifts(y.captions, drawn, shown)
    if not quiet:
        click.echo(out)


def _other_than(x: axes.Axis, y: axes.Axis) -> axes.Axis:
    """Seeds along x and nothing said of y: then the swaps go down."""
    if options.is_given("y") or x.name != y.name:
        return y
    return parse_axis("swap-res=4,8,16,32")


def _fixed(
    swap_res: int | None, alpha: float | None, transfer_gives: Side | None, seed: int, axes: tuple[str, str]
) -> dict[str, object]:
    """Return what the options say, under the names of the axes. Raises UsageError for one that an axis says too."""
    words = {"swap-res": swap_res, "alpha": alpha, "transfer-gives": transfer_gives, "seeds": seed}
    said = {"swap-res": swap_res is not None, "alpha": alpha is not None, "transfer-gives": transfer_gives is not None}
    for name, is_said in (said | {"seeds": options.is_given("seed")}).items():
        if is_said and name in axes:
            raise click.UsageError(f"{words[name]}: an axis says the {name} already ({name}=…); leave one out")
    return {name: value for name, value in words.items() if value is not None}


def _draw(
    pair: tuple[Source, Source],
    x: axes.Axis,
    y: axes.Axis,
    fixed: dict[str, object],
    setting: Setting,
    *,
    quiet: bool,
) -> list[Tensor]:
    from blendgan.blending import preset
    from blendgan.sheets import cells, collect, distinct_count, draw

    base, transfer = (source.checkpoint for source in pair)
    table = cells(x, y, fixed, preset(transfer).schedule, base.config.resolutions)
    pictures = with_bar(draw(table, *pair, setting), "grid", total=distinct_count(table), quiet=quiet)
    return collect(table, dict(pictures))


def _matched(rows: list[Tensor]) -> list[Tensor]:
    from blendgan.colour import match

    return match(rows)


def _with_drifts(captions: Sequence[str], drawn: list[Tensor], shown: list[Tensor]) -> list[str]:
    from blendgan.colour import drifts

    said = [f"{caption}, drift {found:.1f}" for caption, found in zip(captions, drifts(drawn), strict=True)]
    if shown is drawn:
        return said
    return [f"{caption}, matched {found:.1f}" for caption, found in zip(said, drifts(shown), strict=True)]


def _print_drifts(captions: Sequence[str], drawn: list[Tensor], shown: list[Tensor]) -> None:
    from blendgan.cli.tables import show_table
    from blendgan.colour import drifts

    rows = zip(captions, drifts(drawn), drifts(shown), strict=True)
    body = [(caption, f"{before:.2f}", f"{after:.2f}") for caption, before, after in rows]
    show_table("drift", [("row", "ΔE*ab from the first row", "as shown"), *body])
