"""A bar over an iterator of events, on stderr, so that stdout stays free for results.

rich is imported where something is drawn: it takes longer than all of --help.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from projector.optimise import ProjectionStep
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


def with_training_bar(events: Iterable[Training], *, quiet: bool) -> None:
    """Go through a training run to its end, and show kimg, img/s, r_t, p and the time left."""
    if _is_silent(quiet=quiet):
        deque(events, maxlen=0)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=None, figures="")
        for event in events:
            figures = (
                f"{event.kimg:.1f}/{event.total_kimg:g} kimg  {event.images_per_second:.1f} img/s  "
                f"r_t {event.r_t:.2f}  p {event.augment_p:.3f}"
            )
            bar.update(task, completed=event.kimg, total=event.total_kimg, figures=figures)


@contextmanager
def projection_bar(name: str, *, quiet: bool) -> Iterator[Callable[[ProjectionStep], None]]:
    """Give a watcher that shows the steps of a projection."""
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


def _is_silent(*, quiet: bool) -> bool:
    """A log or a pipe gets no bar; rich's own `disable` would still write an empty line there."""
    return quiet or not sys.stderr.isatty()
