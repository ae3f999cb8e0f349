"""`blendgan toonify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.batch import for_each
from blendgan.cli.masks import mask_options
from blendgan.cli.progress import projection_bar
from blendgan.cli.recipes import recipe_options
from blendgan.cli.toonify_files import job_again, job_of, refuse_lost_files
from blendgan.cli.toonify_models import chosen_studio, recorded_studio
from blendgan.cli.toonify_options import chosen_settings, model_options, settings_over, toon_options

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
  blendgan toonify *.jpg --outdir toons
  blendgan toonify --again photo.toon.png --swap-res 32"""


@click.command(epilog=EXAMPLE)
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
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
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    if chosen["again"] is not None:
        return _toonify_again(photos, base, transfer, device, chosen)
    _check_count(photos, chosen["out"])
    settings = chosen_settings(chosen)
    jobs = [job_of(photo, settings, chosen) for photo in photos]
    refuse_lost_files(jobs, (base, transfer, chosen["recipe_file"], chosen["mask"]))
    studio = chosen_studio(base, transfer, device, chosen)
    for_each(jobs, lambda job: _redraw(studio, job, quiet=chosen["quiet"]))


def _check_count(photos: tuple[Path, ...], out: Path | None) -> None:
    if not photos:
        raise click.UsageError("Missing argument 'PHOTOS...': one photo or more, or --again RESULT")
    if out is not None and len(photos) > 1:
        raise click.UsageError(f"-o names one result, {len(photos)} photos are given; use --outdir")


def _toonify_again(
    photos: tuple[Path, ...], base: str, transfer: str, device: torch.device, chosen: dict[str, Any]
) -> None:
    from dataclasses import replace

    from blendgan.again import find_photo
    from blendgan.toon_records import read_record

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
    """One photo, from file to files, which are told."""
    from blendgan.redrawing import redraw

    with projection_bar(job.photo.name, quiet=quiet) as watch:
        written = redraw(studio, job, watch, None if quiet else lambda toon: _tell(job.photo, toon))
    if not quiet:
        click.echo("\n".join(map(str, written)))


def _tell(photo: Path, toon: Toon) -> None:
    """Which faces, to stderr: results alone go to stdout."""
    scores = ", ".join(f"{face.score:.3f}" for face in toon.faces)
    noun = "1 face" if len(toon.faces) == 1 else f"{len(toon.faces)} faces, from the left"
    click.echo(f"{photo.name}: {noun} (detector's score {scores})", err=True)
