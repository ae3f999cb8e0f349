"""`blendgan tune run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.progress import with_bar
from blendgan.cli.toonify_options import PictureFile

if TYPE_CHECKING:
    import torch

    from blendgan.tuning.runs import TunedRun

EXAMPLES = """\b
Examples:
  blendgan tune run denoise-20 strong.safetensors photo.jpg --alpha 0.5
  blendgan tune run denoise-20 strong.safetensors photo.jpg --map sky.png -o mended.png
  blendgan tune run denoise-20 strong.safetensors photo.jpg --map zones.png --alphas 0=0,128=.3,255=1
  blendgan tune run denoise-20 strong.safetensors photo.jpg --sweep 5"""


@click.command(epilog=EXAMPLES)
@click.argument("main", metavar="MAIN")
@click.argument("tuning", metavar="TUNING")
@click.argument("image", type=click.Path(path_type=Path), metavar="IMAGE")
@click.option("--alpha", type=options.Finite(), metavar="A", help="0: MAIN's level; 1: the second one.")
@click.option("--map", "map_file", metavar="FILE", help="A grey picture that picks α: black 0, white --alpha, or 1.")
@click.option(
    "--alphas", metavar="A,A,...|GREY=A,...", help="α of the map's greys: evenly from black to white, or each for its."
)
@click.option("--sweep", metavar="N|A,A,...", help="One picture for each of N αs from 0 to 1, or for each of a list.")
@click.option("--tile", type=click.IntRange(min=1), metavar="PX", help="Side of the tiles. [default: by the network]")
@click.option("-o", "--out", type=PictureFile(), help="The result's name: .png, .jpg, .webp, .tif.")
@options.device
@options.threads
@options.quiet
@options.no_metadata
@options.debug
def run(quiet: bool, no_metadata: bool, **chosen: Any) -> None:
    """Restore a picture by MAIN and its TUNING, at any α between the two levels.

    Writes photo.tuned.png beside the photo; those of a sweep have their α in the name. With --map every pixel has its
    own α. Big pictures are cut into tiles that overlap, so memory is bounded.
    """
    for work in _runs(**chosen):
        for _ in with_bar(work.tiles(), "restore", total=work.total, quiet=quiet):
            pass
        path = work.write(with_metadata=not no_metadata)
        if not quiet:
            click.echo(path)


def _runs(
    *, main: str, tuning: str, image: Path, device: torch.device, out: Path | None, tile: int | None, **share: Any
) -> Sequence[TunedRun]:
    from blendgan.tuning.files import open_main, open_tuned
    from blendgan.tuning.runs import prepare, shares_of

    shares = shares_of(**share)
    return prepare(open_tuned(tuning, open_main(main, device)), image, shares, out, tile)
