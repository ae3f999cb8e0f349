"""The options of `blendgan dfi`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from blendgan.cli.options import Finite
from blendgan.cli.toonify_options import PictureFile
from blendgan.dfi import LARGEST_ALPHA

Command = TypeVar("Command", bound=Callable[..., Any])

SET = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--source", "sources", type=SET, multiple=True, metavar="DIR|LIST",
                 help="Pictures without the attribute: a folder, or a .txt of file names."),
    click.option("--target", "targets", type=SET, multiple=True, metavar="DIR|LIST",
                 help="Pictures with it. Several pairs are done in turn."),
    click.option("--alpha", "alphas", type=Finite(LARGEST_ALPHA), multiple=True, metavar="A",
                 help="Length of the step; below 0 away from the target.  [default: 0.4; with --inpaint 1]"),
    click.option("--unit", type=click.Choice(["photo", "sets"]),
                 help="Of alpha: the length of the photo's own features, or how far apart the sets are.  "
                      "[default: photo; with --inpaint sets]"),
    click.option("--pictures", type=SET, metavar="DIR",
                 help="Where the pictures of the lists are.  [default: beside each list]"),
    click.option("--like", "likes", type=SET, multiple=True, metavar="DIR|LIST",
                 help="Pictures with something that the photo has too: the nearest neighbours come from them first."),
    click.option("-k", "--neighbours", type=click.IntRange(min=1), metavar="K",
                 help="Neighbours from each set.  [default: 100, or the smaller set]"),
    click.option("--features", "network", default="auto", show_default=True, metavar="NETWORK",
                 help="vgg19, or a model whose discriminator serves; auto: vgg19 where it is there, else portraits."),
    click.option("--size", "size_px", type=click.IntRange(min=1), metavar="PX",
                 help="Longer side of the picture that is worked on.  [default: 256 for portraits, 200 for vgg19]"),
    click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3."),
    click.option("--aligned", is_flag=True, help="Take the photo whole: aligned as the sets are, of a face or not."),
    click.option("--mask", metavar="REGION|FILE",
                 help="Where the photo may change: eyes, mouth, hair, left, right, or a grey picture (white: may)."),
    click.option("--inpaint", is_flag=True, help="Fill the white of the mask, from --target alone."),
    click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True,
                 help="Most evaluations of the search."),
    click.option("--tv", "variation", type=Finite(), default=0.001, show_default=True,
                 help="Weight of the total variation."),
    click.option("--no-colour-match", is_flag=True, help="Leave mean and deviation of the colours as they come."),
    click.option("--keep-artefacts", is_flag=True,
                 help="Do not subtract what the way back from features spoils in the photo itself."),
    click.option("-o", "--out", type=PictureFile(), help="The result's name: .png, .jpg, .webp, .tif."),
    click.option("--strip", is_flag=True, help="Write photo.dfi.strip.png too: each face before and after."),
)  # fmt: skip


def dfi_options(command: Command) -> Command:
    """Add all of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
