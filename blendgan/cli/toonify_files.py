"""Which files `blendgan toonify` writes, and that none of them takes another's place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from blendgan.redrawing import Job
    from blendgan.toonification import ToonSettings


def job_of(photo: Path, settings: ToonSettings, chosen: dict[str, Any]) -> Job:
    """Return the job of one photo, by the command's options."""
    return _job(photo, _picture_name(photo, f"{photo.stem}.toon.png", chosen), settings, chosen)


def job_again(photo: Path, result: Path, settings: ToonSettings, chosen: dict[str, Any]) -> Job:
    """Return the job of drawing a result again: beside it, under a new name unless -o says otherwise.

    Raises InputError for a name of no picture's form: a film's, or a sidecar's.
    """
    from dataclasses import replace

    from blendgan.picture_files import form_of

    name = _picture_name(result, f"{result.stem}.again{result.suffix}", chosen)
    form_of(name)
    return replace(_job(photo, name, settings, chosen), latent=None)


def _picture_name(beside: Path, name: str, chosen: dict[str, Any]) -> Path:
    out: Path | None = chosen["out"]
    folder: Path | None = chosen["outdir"]
    if out is not None:
        return out if folder is None else folder / out.name
    return (folder or beside.parent) / name


def _job(photo: Path, picture: Path, settings: ToonSettings, chosen: dict[str, Any]) -> Job:
    from blendgan.redrawing import Job

    return Job(
        photo,
        picture,
        picture.with_suffix(".strip.png") if chosen["strip"] else None,
        picture.with_suffix(".npz"),
        settings,
        replaces_latent=chosen["force"],
        with_metadata=not chosen["no_metadata"],
        grid=picture.with_suffix(".grid.png") if chosen["grid"] is not None else None,
        front=picture.with_suffix(".front.png") if chosen["auto"] else None,
    )


def refuse_lost_files(jobs: Sequence[Job], inputs: Iterable[str | Path | None]) -> None:
    """Before any work: no result may take the place of an input, nor of another photo's result; one can be written.

    Raises UsageError.
    """
    _refuse_closed_folders({job.picture.parent for job in jobs})
    read = {Path(one).resolve(): one for one in (*(job.photo for job in jobs), *inputs) if one is not None}
    job_of_file: dict[Path, Job] = {}
    for job in jobs:
        for written in job.results:
            if written.resolve() in read:
                raise click.UsageError(
                    f"{written}: would be written over {read[written.resolve()]}, which is read; choose another name "
                    "with -o or --outdir"
                )
            other = job_of_file.setdefault(written.resolve(), job)
            if other is not job:
                raise click.UsageError(
                    f"{other.photo} and {job.photo} would both be written to {written}; rename one, or run twice"
                )


def _refuse_closed_folders(folders: Iterable[Path]) -> None:
    """Raise UsageError if no result can be written; where some can, the others fail one by one."""
    reasons = [_why_closed(folder) for folder in sorted(folders)]
    if reasons and all(reasons):
        raise click.UsageError(f"{reasons[0]}; choose another folder with --outdir")


def _why_closed(folder: Path) -> str:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        return f"{folder}: {there} is a file, expected a folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{folder}: results cannot be written, {there} is read-only"
