"""`blendgan toonify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.batch import for_each
from blendgan.cli.many import bulk_options, in_bulk, is_bulk, jobs_of, redraw_any
from blendgan.cli.masks import mask_options
from blendgan.cli.order import Order
from blendgan.cli.recipes import given_recipe, recipe_options
from blendgan.cli.toonify_files import refuse_lost_files
from blendgan.cli.toonify_options import chosen_settings, model_options, named_models, toon_options
from blendgan.inputs import find_inputs

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
  blendgan toonify *.jpg --outdir toons
  blendgan toonify photos --outdir toons --workers 4
  blendgan toonify clip.mp4"""


@click.command(epilog=EXAMPLE)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_options
@recipe_options
@mask_options
@toon_options
@bulk_options
@options.device
@options.threads
@options.force
@options.quiet
@options.no_metadata
@options.debug
def toonify(photos: tuple[Path, ...], base: str, transfer: str, device: torch.device, **chosen: Any) -> None:
    """Redraw every face of a photo by a blend of two models; without models, the shipped pair.

    Writes photo.toon.png, photo.toon.strip.png (aligned | projected | toonified) and photo.toon.npz (the latents).
    Folders are searched to the bottom; a run over many photos goes on where it ended, --force does all anew. Of films
    (GIF, WebP, APNG, videos) every frame is redrawn: clip.toon.mp4.
    """
    found = find_inputs(photos)
    jobs = jobs_of(found, chosen_settings(chosen), chosen)
    refuse_lost_files(jobs, (base, transfer, chosen["recipe_file"], chosen["mask"]))
    words = (chosen[name] for name in ("mask", "mask_from", "encoder"))
    order = Order(named_models(base, transfer), given_recipe(chosen), device, *words)
    if is_bulk(found, chosen):
        in_bulk(jobs, order.maker(), order.open, found.left_alone, chosen)
        return
    studio = order.open()
    for_each(jobs, lambda job: _redraw(studio, job, quiet=chosen["quiet"]), name=photo_of)


def photo_of(job: Job) -> Path:
    """What errors call a job."""
    return job.photo


def _redraw(studio: Studio, job: Job, *, quiet: bool) -> None:
    """One photo or film, from file to files, which are told."""
    written = redraw_any(studio, job, quiet=quiet)
    if not quiet:
        click.echo("\n".join(map(str, written)))
