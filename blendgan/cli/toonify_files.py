"""Which files `blendgan toonify` writes, and that none of them takes another's place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from blendgan.redrawing import Job
    from blendgan.toonification import ToonSettings

Names = tuple[Path, Path, Path]  # the redrawn photo, the strip of its steps, the latents


def result_names(photo: Path, out: Path | None, outdir: Path | None) -> Names:
    """Return the names of a photo's results."""
    picture = _picture_name(photo, out, outdir)
    return picture, picture.with_suffix(".strip.png"), picture.with_suffix(".npz")


def _picture_name(photo: Path, out: Path | None, outdir: Path | None) -> Path:
    if out is not None:
        return out if outdir is None else outdir / out.name
    return (outdir or photo.parent) / f"{photo.stem}.toon.png"


def job_of(photo: Path, settings: ToonSettings, chosen: dict[str, Any]) -> Job:
    """Return the job of one photo, by the command's options."""
    from blendgan.redrawing import Job

    names = result_names(photo, chosen["out"], chosen["outdir"])
    return Job(photo, *names, settings, replaces_latent=chosen["force"], with_metadata=not chosen["no_metadata"])


def refuse_lost_files(
    photos: Sequence[Path], inputs: Iterable[str | Path | None], out: Path | None, outdir: Path | None
) -> None:
    """Before any work: no result may take the place of an input, nor of another photo's result.

    Raises UsageError.
    """
    if out is not None and len(photos) > 1:
        raise click.UsageError(f"-o names one result, {len(photos)} photos are given; use --outdir")
    read = {Path(one).resolve(): one for one in (*photos, *inputs) if one is not None}
    photo_of: dict[Path, Path] = {}
    for photo in photos:
        for written in result_names(photo, out, outdir):
            if written.resolve() in read:
                raise click.UsageError(
                    f"{written}: would be written over {read[written.resolve()]}, which is read; choose another name "
                    "with -o or --outdir"
                )
            other = photo_of.setdefault(written.resolve(), photo)
            if other is not photo:
                raise click.UsageError(
                    f"{other} and {photo} would both be written to {written}; rename one, or run twice"
                )
