"""A bar over an iterator of events, on stderr, so that stdout stays free for results.

rich is imported where something is drawn: it takes longer than all of --help.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from blendgan.control import Notice
    from projector.optimise import ProjectionStep
    from projector.tuning import TuningStep
    from stylegan2.train import Progress as Training

Event = TypeVar("Event")


def with_bar(events: Iterable[Event], description: str, *, total: int, quiet: bool = False) -> Iterator[Event]:
    """Yield the events as they come, and show how many of `total` there were, unless quiet or not on a terminal."""
    if _is_silent(quiet=quiet):
        yield from events
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(events, description, total=total, console=Console(stderr=True), transient=True)


def with_training_bar(events: Iterable[Training | Notice], *, quiet: bool) -> None:
    """Go through a training run to its end: kimg, img/s, r_t, p and the time left as a bar, what befalls it as lines.

    Where there is no terminal there are only the lines; quiet, nothing.
    """
    if _is_silent(quiet=quiet):
        _say_notices(events, quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from blendgan.control import Notice

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=None, figures="")
        for event in events:
            if isinstance(event, Notice):
                bar.console.print(f"blendgan: {event.text}", markup=False, highlight=False, soft_wrap=True)
            else:
                bar.update(task, completed=event.kimg, total=event.total_kimg, figures=_training_figures(event))


def _training_figures(event: Training) -> str:
    return (
        f"{event.kimg:.1f}/{event.total_kimg:g} kimg  {event.images_per_second:.1f} img/s  "
        f"r_t {event.r_t:.2f}  p {event.augment_p:.3f}"
    )


def _say_notices(events: Iterable[Training | Notice], *, quiet: bool) -> None:
    from blendgan.control import Notice

    for event in events:
        if isinstance(event, Notice) and not quiet:
            click.echo(f"blendgan: {event.text}", err=True)


@contextmanager
def projection_bar(name: str, *, quiet: bool) -> Iterator[Callable[[ProjectionStep | TuningStep], None]]:
    """Give a watcher that shows the steps of a projection, and of a tuning after it."""
    if _is_silent(quiet=quiet):
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda step: bar.update(task, completed=step.index, total=step.total)


@contextmanager
def counting_bar(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a watcher that shows how many of how many are done."""
    if _is_silent(quiet=quiet):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def many_bar(name: str, *, total: int, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a watcher of how many of `total` are worked through and how many are skipped: rate, and the time left."""
    if _is_silent(quiet=quiet):
        yield lambda worked, skipped: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total, rate="")

        def show(worked: int, skipped: int) -> None:  # what is skipped takes no time, and tells nothing of the rest
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{60 * worked / elapsed:.1f}/min" if worked and elapsed else ""
            bar.update(task, completed=worked, total=total - skipped, rate=rate)

        yield show


def _is_silent(*, quiet: bool) -> bool:
    """A log or a pipe gets no bar; rich's own `disable` would still write an empty line there."""
    return quiet or not sys.stderr.isatty()
