"""`toonify` over folders and patterns: the options of the engines, and a run from jobs to a last line."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.batch import EXIT_SOME_FAILED
from blendgan.cli.main import is_mendable, one_line
from blendgan.cli.progress import counting_bar, many_bar, projection_bar
from blendgan.cli.schedules import Command
from blendgan.cli.toonify_files import job_of
from blendgan.inputs import Found

if TYPE_CHECKING:
    from blendgan.bulk import Engine, Tally
    from blendgan.redrawing import Job, Teller
    from blendgan.toonification import Studio, ToonSettings

    OpenStudio = Callable[[], Studio]

_OPTIONS = (
    click.option("--workers", type=click.IntRange(min=1), metavar="N",
                 help="Processes that share the photos, each with its part of the CPU's threads. [default: this one]"),
    click.option("--engine", type=click.Choice(["processes", "ray"]), default="processes", show_default=True,
                 help="Who runs the workers; Ray reaches other machines (pip install 'blendgan[bulk]')."),
    click.option("--address", metavar="HOST:PORT|auto", help="Of a running Ray. [default: one is started here]"),
)  # fmt: skip


def bulk_options(command: Command) -> Command:
    """Add the options that `is_bulk` and `in_bulk` read."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def is_bulk(found: Found, chosen: dict[str, Any]) -> bool:
    """Whether the inputs go through the journal: they were searched for, or workers are asked for.

    Raises UsageError for --address without Ray.
    """
    if chosen["address"] is not None and chosen["engine"] != "ray":
        raise click.UsageError("--address is that of a Ray; say --engine ray as well")
    return found.is_search or chosen["workers"] is not None or chosen["engine"] == "ray"


def jobs_of(found: Found, settings: ToonSettings, chosen: dict[str, Any]) -> list[Job]:
    """Return a job for each input; with --outdir the folders of a search are kept below it.

    Raises UsageError for -o with several photos.
    """
    outdir = chosen["outdir"]
    if not found.inputs:
        raise click.UsageError("Missing argument 'PHOTOS...': one photo or more, or --again RESULT")
    if chosen["out"] is not None and len(found.inputs) > 1:
        raise click.UsageError(f"-o names one result, {len(found.inputs)} photos are given; use --outdir")
    jobs = []
    for one in found.inputs:
        place = None if outdir is None else outdir / one.below
        job = job_of(one.named, settings, {**chosen, "outdir": place})
        jobs.append(_of_its_kind(replace(job, photo=one.photo)))
    return jobs


def _of_its_kind(job: Job) -> Job:
    """A film's result is a film, and nothing beside it. Raises InputError for a name of -o that is of another kind."""
    from blendgan.clips import is_moving
    from blendgan.picture_files import form_of

    if not is_moving(job.photo):
        form_of(job.picture)
        return job
    from blendgan.moving import film_job

    return film_job(job, is_named=options.is_given("out"))


def in_bulk(
    jobs: Sequence[Job], maker: str, open_studio: OpenStudio, remarks: Sequence[str], chosen: dict[str, Any]
) -> None:
    """Do the jobs; exit 3 if some failed, each of them named. `maker`: all that results depend on besides the jobs."""
    from blendgan.bulk import write_failures
    from blendgan.journal import Journal

    for remark in () if chosen["quiet"] else remarks:
        click.echo(f"blendgan: {remark}", err=True)
    tally = _run(jobs, _engine(open_studio, chosen), Journal(maker), chosen)
    listed = write_failures(_report_folder(jobs, chosen["outdir"]), tally.failures)
    if tally.failures or not chosen["quiet"]:
        click.echo(f"{tally}" + (f"; see {listed}" if listed else ""), err=chosen["quiet"])
    if tally.failures:
        click.get_current_context().exit(EXIT_SOME_FAILED)


def _run(jobs: Sequence[Job], engine: Engine, journal: Any, chosen: dict[str, Any]) -> Tally:
    from blendgan.bulk import Tally, redraw_all

    tally = Tally()
    with (
        many_bar("toonify", total=len(jobs), quiet=chosen["quiet"]) as show,
        closing(redraw_all(jobs, engine, journal, force=chosen["force"])) as outcomes,
    ):
        for outcome in outcomes:
            tally = tally.plus(outcome)
            show(tally.done + len(tally.failures), tally.skipped)
            if outcome.reason:
                click.echo(f"blendgan: {outcome.job.photo}: {outcome.reason}", err=True)
    return tally


def _report_folder(jobs: Sequence[Job], outdir: Path | None) -> Path:
    return outdir or Path(os.path.commonpath([job.picture.parent.resolve() for job in jobs]))


# ---- engines --------------------------------------------------------------------------------------------------


def _engine(open_studio: OpenStudio, chosen: dict[str, Any]) -> Engine:
    from blendgan.crew import threads_each

    workers = chosen["workers"]
    if chosen["engine"] == "ray":
        from blendgan.ray_engine import RayEngine

        is_elsewhere = workers is None or chosen["address"] is not None  # how many cores that has, nobody knows yet
        threads = _given_threads() or (1 if is_elsewhere else threads_each(workers))
        return RayEngine(partial(open_redrawer, open_studio, threads), threads, workers, chosen["address"])
    if workers is None:
        return partial(_here, open_studio)
    return partial(_by_crew, open_studio, workers)


def _here(open_studio: OpenStudio, jobs: Iterable[Job], count: int) -> Generator[tuple[Job, str], None, None]:
    """In this process, one after the other."""
    studio = open_studio()
    for job in jobs:
        yield job, attempt(studio, job)


def _by_crew(
    open_studio: OpenStudio, workers: int, jobs: Iterable[Job], count: int
) -> Generator[tuple[Job, str], None, None]:
    """By processes of this machine: no more than there are jobs, with threads by what was asked for all the same."""
    from blendgan.crew import threads_each, work_through

    threads = _given_threads() or threads_each(workers)
    yield from work_through(jobs, partial(open_redrawer, open_studio, threads), min(workers, count))


def _given_threads() -> int | None:
    """What --threads says, which has set them in this process."""
    import torch

    return torch.get_num_threads() if options.is_given("threads") else None


def open_redrawer(open_studio: OpenStudio, threads: int) -> Callable[[Job], str]:
    """Set up a worker: its threads, its models. Returns what does a job."""
    import torch

    torch.set_num_threads(threads)
    return partial(attempt, open_studio())


def redraw_any(studio: Studio, job: Job, tell: Teller | None = None, *, quiet: bool = True) -> tuple[Path, ...]:
    """Do a job of any kind, with a bar unless quiet; `tell` hears of a photo's faces. Returns the files written."""
    from blendgan.clips import is_moving
    from blendgan.redrawing import redraw

    if not is_moving(job.photo):
        with projection_bar(job.photo.name, quiet=quiet) as watch:
            return redraw(studio, job, watch, tell)
    from blendgan.moving import redraw_moving

    with counting_bar(job.photo.name, quiet=quiet) as count:
        return redraw_moving(studio, job, count)


def attempt(studio: Studio, job: Job) -> str:
    """Do a job; returns why it failed, in one line, empty if it did not. A bug of ours fails one photo, not the run."""
    try:
        redraw_any(studio, job)
    except Exception as error:
        if is_mendable(error):
            return one_line(error).removeprefix(f"{job.photo}: ").removeprefix(f"{job.photo.name}: ")
        return f"{type(error).__name__}: {one_line(error)} (a bug of blendgan; see it by this photo alone with --debug)"
    return ""
