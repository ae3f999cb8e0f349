"""`blendgan dni run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import dni_measures, options
from blendgan.cli.progress import with_bar
from blendgan.cli.toonify_options import PictureFile

if TYPE_CHECKING:
    import torch

    from blendgan.restoration.mixtures import Shares

EXAMPLES = """\b
Examples:
  blendgan dni run denoise.pth photo.jpg
  blendgan dni run general-x4.pth denoising-x4.pth photo.jpg --alpha 0.3 -o large.png
  blendgan dni run weak.pth strong.pth other.pth photo.jpg --weights .5,.3,.2
  blendgan dni run weak.pth strong.pth photo.jpg --mask sky.png --alphas .2,.9
  blendgan dni run weak.pth strong.pth photo.jpg --mask zones.png --alphas 0=0,128=.3,255=1 --in features
  blendgan dni run weak.pth strong.pth photo.jpg --alpha .5 --repair photos --noise 25"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="NETWORK... IMAGE")
@click.option("--alpha", type=options.Finite(), metavar="A", help="Share of the second of two networks, 0 to 1.")
@click.option("--weights", metavar="W,W,...", help="Share of each network; together 1.")
@click.option("--mask", metavar="FILE", help="A grey picture that picks the share: black 0, white --alpha, or 1.")
@click.option(
    "--alphas",
    metavar="A,A,...|GREY=A,...",
    help="Shares of the mask's greys: evenly from black to white, or each for its grey, 0 to 255.",
)
@click.option(
    "--in",
    "place",
    type=click.Choice(["output", "features"]),
    default="output",
    show_default=True,
    help="Where the mask mixes: the networks' pictures, or the results of every layer.",
)
@dni_measures.repair
@dni_measures.noise
@click.option("--tile", type=click.IntRange(min=1), metavar="PX", help="Side of the tiles. [default: by the network]")
@click.option("-o", "--out", type=PictureFile(), help="The result's name: .png, .jpg, .webp, .tif.")
@options.device
@options.threads
@options.quiet
@options.no_metadata
@options.debug
def run(files: tuple[str, ...], device: torch.device, out: Path | None, tile: int | None, **chosen: Any) -> None:
    """Restore a picture by a network, or by the weighted mean of networks; IMAGE comes last.

    Writes photo.restored.png beside the photo. Big pictures are cut into tiles that overlap, so memory is bounded.
    With --mask each region takes its own share of the second network; --in features wants a mask with soft edges.
    A grey network takes red, green and blue by themselves; what a colour network makes of a grey picture is averaged.
    """
    from blendgan.dni.network_files import open_network
    from blendgan.restoration.runs import prepare

    *names, image = files
    if not names:
        raise click.UsageError(f"found {image!r} alone, expected NETWORK... IMAGE: a network's file, then a picture")
    shares = _shares(len(names), **chosen)
    work = prepare([open_network(name) for name in names], Path(image), shares, out, tile, device)
    for _ in with_bar(work.tiles(), "restore", total=work.total, quiet=chosen["quiet"]):
        pass
    path = work.write(with_metadata=not chosen["no_metadata"])
    _tell(path, work.restoring.restorer.architecture, quiet=chosen["quiet"])


def _shares(count: int, *, repair: Path | None, noise: tuple[float, ...], **chosen: Any) -> Shares:
    from blendgan.dni.repair_pictures import mending_of

    return replace(_plain_or_masked(count, **chosen), mending=mending_of(repair, noise))


def _plain_or_masked(
    count: int, *, alpha: float | None, weights: str | None, mask: str | None, alphas: str | None, place: str, **_: Any
) -> Shares:
    from blendgan.restoration.mixtures import masked_shares, plain_shares

    if mask is not None:
        return masked_shares(count, alpha, weights, mask, alphas, place)
    if alphas is not None or options.is_given("place"):
        raise click.UsageError(f"{'--alphas' if alphas is not None else '--in'} goes with --mask: it says how it acts")
    return plain_shares(count, alpha, weights)


def _tell(path: Path, architecture: str, *, quiet: bool) -> None:
    """What the network is, to stderr: results alone go to stdout."""
    if not quiet:
        click.echo(f"{architecture}", err=True)
        click.echo(path)
