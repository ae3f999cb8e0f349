"""`blendgan toonify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.auto import require_alone
from blendgan.cli.batch import for_each
from blendgan.cli.many import bulk_options, in_bulk, is_bulk, jobs_of, redraw_any
from blendgan.cli.masks import mask_options
from blendgan.cli.order import order_of
from blendgan.cli.recipes import recipe_options
from blendgan.cli.toonify_files import job_again, refuse_lost_files
from blendgan.cli.toonify_models import recorded_studio
from blendgan.cli.toonify_options import chosen_settings, model_options, settings_over, toon_options
from blendgan.inputs import find_inputs

if TYPE_CHECKING:
    import torch

    from blendgan.redrawing import Job
    from blendgan.toonification import Studio, Toon

EXAMPLE = """\b
Examples:
  blendgan toonify photo.jpg
  blendgan toonify photo.jpg --style cartoons --faces largest -o toon.jpg
  blendgan toonify photo.jpg --swap-res 8 --transfer-gives high --grid 4,8,16
  blendgan toonify photo.jpg --recipe mine.yaml
  blendgan toonify photo.jpg --mask eyes
  blendgan toonify photo.jpg --auto
  blendgan toonify *.jpg --outdir toons
  blendgan toonify photos --outdir toons --workers 4
  blendgan toonify clip.mp4
  blendgan toonify --again photo.toon.png --swap-res 32"""


@click.command(epilog=EXAMPLE)
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
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
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    if chosen["again"] is not None:
        return _toonify_again(photos, base, transfer, device, chosen)
    found = find_inputs(photos)
    jobs = jobs_of(found, chosen_settings(chosen), chosen)
    refuse_lost_files(jobs, (base, transfer, chosen["recipe_file"], chosen["mask"]))
    order = order_of(base, transfer, device, chosen)
    if is_bulk(found, chosen):
        return in_bulk(jobs, order.maker(), order.open, found.left_alone, chosen)
    studio = order.open()
    for_each(jobs, lambda job: _redraw(studio, job, quiet=chosen["quiet"]))


def _toonify_again(
    photos: tuple[Path, ...], base: str, transfer: str, device: torch.device, chosen: dict[str, Any]
) -> None:
    from dataclasses import replace

    from blendgan.again import find_photo
    from blendgan.toon_records import read_record

    if chosen["auto"]:
        require_alone()
    if len(photos) > 1:
        raise click.UsageError(f"--again draws one result; found {len(photos)} photos, expected at most its own")
    result: Path = chosen["again"]
    record = read_record(result)
    photo = find_photo(record, result, photos[0] if photos else None)
    job = replace(job_again(photo, result, settings_over(record.settings, chosen), chosen), record=record)
    inputs = (base, transfer, chosen["recipe_file"], chosen["mask"], result if chosen["out"] is None else None)
    refuse_lost_files([job], inputs)
    _redraw(recorded_studio(record, result, base, transfer, device, chosen), job, quiet=chosen["quiet"])


def _redraw(studio: Studio, job: Job, *, quiet: bool) -> None:
    """One photo or film, from file to files, which are told."""
    written = redraw_any(studio, job, None if quiet else lambda toon: _tell(job.photo, toon), quiet=quiet)
    if not quiet:
        click.echo("\n".join(map(str, written)))


def _tell(photo: Path, toon: Toon) -> None:
    """Which faces, to stderr: results alone go to stdout."""
    scores = ", ".join(f"{face.score:.3f}" for face in toon.faces)
    noun = "1 face" if len(toon.faces) == 1 else f"{len(toon.faces)} faces, from the left"
    click.echo(f"{photo.name}: {noun} (detector's score {scores})", err=True)
