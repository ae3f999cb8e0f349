"""`blendgan dni sweep`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import dni_measures, options
from blendgan.cli.signals import resumable

if TYPE_CHECKING:
    from blendgan.dni.sweep_report import Found, Request

EXAMPLES = """\b
Examples:
  blendgan dni sweep denoise-20 denoise-60 --images photos --noise 30,40,50
  blendgan dni sweep general-x4.pth denoising-x4.pth --images photos --metric ssim
  blendgan dni sweep parent.pth one.pth other.pth --images photos --noise 25 --no-prune --json"""


@click.command(epilog=EXAMPLES)
@click.argument("networks", nargs=-1, required=True, metavar="A B...")
@click.option("--images", type=dni_measures.FOLDER, required=True, metavar="DIR", help="Clean pictures.")
@click.option(
    "--metric", type=click.Choice(["psnr", "ssim", "lpips"]), default="psnr", show_default=True, help="Which figure."
)
@dni_measures.noise
@dni_measures.crop
@dni_measures.repair
@click.option("--no-prune", is_flag=True, help="Show all pictures to networks that cannot win, too.")
@click.option("--vgg", type=click.Path(dir_okay=False, path_type=Path), help="VGG16's weights, for lpips.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--force", is_flag=True, help="Begin anew, whatever --outdir holds of an earlier sweep.")
@options.outdir
@options.seed
@options.device
@options.threads
@options.quiet
@options.debug
def sweep(networks: tuple[str, ...], as_json: bool, quiet: bool, **chosen: Any) -> None:
    """Find the best network between A and B, or between A and each of several others.

    The networks with the shares 0, 0.05 … 1 of B restore pictures that were made worse: shrunk by the network's scale,
    then with noise. Writes sweep.png, a chart, and sweep-strip.png, a crop of each, into --outdir, where a sweep that
    was interrupted goes on. Networks that others beat for sure see no more pictures; ~ marks them.
    """
    from blendgan.cli.progress import counting_bar
    from blendgan.dni.sweep_report import find

    with resumable(is_forced=chosen["force"]), counting_bar("sweep", quiet=quiet) as watch:
        found = find(_request(networks, **chosen), watch)
    if found.kept and not quiet:
        click.echo(f"blendgan: went on from {found.kept} measurements that --outdir held", err=True)
    (_show_json if as_json else _show)(found)


def _request(
    networks: tuple[str, ...], *, noise: tuple[float, ...], crop_px: int, seed: int, no_prune: bool, **chosen: Any
) -> Request:
    from blendgan.dni.sweep_report import Request
    from blendgan.dni.sweep_setting import Setting

    setting = Setting(noise, crop_px=crop_px or None, seed=seed, pruning="none" if no_prune else "race")
    return Request(networks, setting=setting, **chosen)


def _show(found: Found) -> None:
    from blendgan.cli.tables import show_columns
    from blendgan.dni import sweep_table

    table = found.table
    for curve in table.curves:
        show_columns(curve.title, sweep_table.headings(table), sweep_table.rows(curve))
    show_columns("at their best", sweep_table.SUMMARY_HEADINGS, sweep_table.summaries(table))
    for line in (*sweep_table.sentences(table), *map(str, found.pictures)):
        click.echo(line)


def _show_json(found: Found) -> None:
    from blendgan.dni.sweep_table import table_json

    click.echo(json.dumps(table_json(found.table), ensure_ascii=False, indent=2))
