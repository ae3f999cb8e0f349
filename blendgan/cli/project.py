"""`blendgan project`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.progress import projection_bar
from stylegan2.errors import InputError

if TYPE_CHECKING:
    import torch

    from blendgan.projection import Finder
    from projector.optimise import ProjectionConfig

EXAMPLE = """\b
Examples:
  blendgan project photo.jpg
  blendgan project photo.jpg --network ffhq.pkl --space w --steps 500 -o me.npz"""


@click.command(epilog=EXAMPLE)
@click.argument("photo", type=click.Path(path_type=Path))
@options.network
@click.option(
    "--space",
    type=click.Choice(["w", "w+", "w+n"]),
    default="w+n",
    show_default=True,
    help="One style for all layers, one each, or these and the noise maps.",
)
@options.encoder
@click.option("--steps", type=click.IntRange(min=0), help="Steps.  [default: 5 after an encoder, else 110]")
@click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3.")
@click.option("--aligned", is_flag=True, help="The picture is an aligned face already; take it whole.")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: photo.npz beside the photo]"
)
@options.seed
@options.device
@options.threads
@options.force
@options.quiet
@options.debug
def project(photo: Path, network: str, device: torch.device, force: bool, quiet: bool, **chosen: Any) -> None:
    """Find the latent of a photo's faces in a model: photo.npz, and photo.projected.png to compare."""
    from blendgan.faces import WHOLE, parse_selection
    from blendgan.images import write_png
    from blendgan.projection import finder_of, project_photo, projection_sheet
    from projector.latent import save_latent
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    selection = WHOLE if chosen["aligned"] else parse_selection(chosen["faces"])
    out = _result_name(photo, chosen["out"], force=force)
    finder = finder_of(network, chosen["encoder"], device)
    with projection_bar(photo.name, quiet=quiet) as watch:
        projection = project_photo(photo, finder, selection, _config(chosen, finder), watch)
    save_latent(projection.latent, out, replace=True)
    sheet = out.with_suffix(".projected.png")
    write_png(sheet, projection_sheet(projection))
    if not quiet:
        click.echo(f"{out}\n{sheet}")


def _result_name(photo: Path, out: Path | None, *, force: bool) -> Path:
    """Check the name, and make its folder, before the work."""
    name = out or photo.parent / f"{photo.stem}.npz"
    if name.suffix.lower() != ".npz":
        raise InputError(f"{name}: found the ending {name.suffix!r}, expected .npz, the form that is written")
    if name.exists() and not force:
        raise InputError(f"{name}: is there already; replace it with --force, or choose another name with -o")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    return name


def _config(chosen: dict[str, Any], finder: Finder) -> ProjectionConfig:
    return replace(finder.config_of(chosen["steps"]), space=chosen["space"], seed=chosen["seed"])
