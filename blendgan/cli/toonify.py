"""`blendgan toonify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.auto import with_search
from blendgan.cli.batch import for_each
from blendgan.cli.masks import chosen_masking, mask_options
from blendgan.cli.progress import projection_bar
from blendgan.cli.recipes import given_recipe, opened, recipe_options
from blendgan.cli.toonify_files import job_of, refuse_lost_files
from blendgan.cli.toonify_options import chosen_settings, model_options, named_models, toon_options

if TYPE_CHECKING:
    import torch

    from blendgan.redrawing import Job
    from blendgan.toonification import Studio

EXAMPLE = """\b
Examples:
  blendgan toonify photo.jpg
  blendgan toonify photo.jpg --swap-res 8 --transfer-gives high --faces largest -o toon.png
  blendgan toonify photo.jpg --recipe mine.yaml
  blendgan toonify photo.jpg --mask eyes
  blendgan toonify photo.jpg --auto
  blendgan toonify *.jpg --outdir toons"""


@click.command(epilog=EXAMPLE)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_options
@recipe_options
@mask_options
@toon_options
@options.device
@options.threads
@options.force
@options.quiet
@options.no_metadata
@options.debug
def toonify(photos: tuple[Path, ...], base: str, transfer: str, device: torch.device, **chosen: Any) -> None:
    """Redraw every face of a photo by a blend of two models; without models, the shipped pair.

    Writes photo.toon.png, photo.toon.strip.png (aligned | projected | toonified) and photo.toon.npz (the latents).
    """
    from blendgan.toonification import studio_of
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    inputs = (base, transfer, chosen["recipe_file"], chosen["mask"])
    refuse_lost_files(photos, inputs, chosen["out"], chosen["outdir"])
    settings = chosen_settings(chosen)
    sources, recipe = opened(named_models(base, transfer), given_recipe(chosen))
    studio = studio_of(sources, recipe, device, chosen_masking(chosen["mask"], chosen["mask_from"]), chosen["encoder"])
    studio = with_search(studio, sources, recipe) if chosen["auto"] else studio
    for_each(photos, lambda photo: _redraw(studio, job_of(photo, settings, chosen), quiet=chosen["quiet"]))


def _redraw(studio: Studio, job: Job, *, quiet: bool) -> None:
    """One photo, from file to files, which are told."""
    from blendgan.redrawing import redraw

    with projection_bar(job.photo.name, quiet=quiet) as watch:
        written = redraw(studio, job, watch)
    if not quiet:
        click.echo("\n".join(map(str, written)))
