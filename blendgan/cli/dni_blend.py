"""`blendgan dni blend`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import dni_measures, options

if TYPE_CHECKING:
    from blendgan.dni.blends import Blend

EXAMPLES = """\b
Examples:
  blendgan dni blend denoise-20 denoise-60 --alpha 0.3
  blendgan dni blend a.pth b.pth c.pth --weights .5,.3,.2 -o mixed.pth
  blendgan dni blend a.pth b.pth --alpha 0.5 -o mixed.safetensors
  blendgan dni blend a.pth b.pth --alpha 0.5 --repair photos --noise 25"""


@click.command(epilog=EXAMPLES)
@click.argument("networks", metavar="A B...", nargs=-1, required=True)
@click.option("--alpha", type=options.Finite(), help="B's share, from 0 (A alone) to 1 (B alone).")
@click.option("--weights", metavar="W,W,...", help="The share of each network: at least 0, with sum 1.")
@click.option(
    "--integers",
    type=click.Choice(["nearest", "first", "same", "round"]),
    default="nearest",
    show_default=True,
    help="Counters and flags, which have no values between: those of the network with the largest weight, the first's, "
    "an error where they differ, or the rounded mean.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The new network, .pth, .pt or .safetensors.  [default: here, named after the networks, in A's form]",
)
@dni_measures.repair
@dni_measures.noise
@options.force
@options.quiet
@options.debug
def blend(networks: tuple[str, ...], out: Path | None, force: bool, quiet: bool, **chosen: Any) -> None:
    """Write the mean of networks A, B, ... of one architecture, weighted by their shares.

    Any state dicts in .pth, .pt or .safetensors files, nested or not; their nesting, names and number formats stay. A
    network's normalisation statistics are mixed like its weights. What is no network (optimiser, epoch) is left out.
    """
    from blendgan.dni.blends import check_target, default_target, mix, save
    from blendgan.dni.mixing import shares_of
    from blendgan.dni.network_files import open_network

    weights = shares_of(len(networks), chosen["alpha"], chosen["weights"])
    opened = [open_network(network) for network in networks]
    target = out or default_target(opened, weights)
    check_target(target, opened, replace=force)
    blended = _repaired(mix(opened, weights, chosen["integers"]), chosen["repair"], chosen["noise"])
    target.parent.mkdir(parents=True, exist_ok=True)
    written = save(blended, target, replace=force)
    if not quiet:
        _tell(blended, target, written)


def _repaired(blended: Blend, folder: Path | None, noise: tuple[float, ...]) -> Blend:
    from blendgan.dni.repair_pictures import mending_of
    from blendgan.dni.repaired_blends import repaired

    mending = mending_of(folder, noise)
    return blended if mending is None else repaired(blended, mending)


def _tell(blended: Blend, target: Path, written: Sequence[str]) -> None:
    from blendgan.dni.blends import sentences

    for sentence in sentences(blended, target, written):
        click.echo(sentence)
