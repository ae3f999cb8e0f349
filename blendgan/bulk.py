"""Any number of jobs, by any engine: what is done already is skipped, what fails is named, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blendgan.journal import Journal, sweep
from stylegan2.checkpoints.atomic import writing

if TYPE_CHECKING:
    from blendgan.redrawing import Job

FAILURES = "toonify-failures.txt"
# Takes jobs and how many there are; yields each with the reason of its failure, empty if none, in any order.
Engine = Callable[[Iterable["Job"], int], Generator[tuple["Job", str], None, None]]


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with its results, as before, or with the reason why not."""

    job: Job
    reason: str = ""
    is_skipped: bool = False


@dataclass(frozen=True)
class Tally:
    """How many jobs ended how."""

    done: int = 0
    skipped: int = 0
    failures: tuple[Outcome, ...] = ()

    def plus(self, outcome: Outcome) -> Tally:
        """Count one more."""
        if outcome.reason:
            return Tally(self.done, self.skipped, (*self.failures, outcome))
        return Tally(self.done + (not outcome.is_skipped), self.skipped + outcome.is_skipped, self.failures)

    def __str__(self) -> str:
        return f"done {self.done}, skipped {self.skipped}, failed {len(self.failures)}"


def redraw_all(jobs: Sequence[Job], engine: Engine, journal: Journal, *, force: bool) -> Generator[Outcome, None, None]:
    """Do every job that is not done yet, with `force` those too; yields each one's outcome exactly once.

    What the engine raises, an interrupt too, ends the run; the next one goes on from there.
    """
    waiting = []
    for job in jobs:
        if not force and journal.is_done(job):
            yield Outcome(job, is_skipped=True)
        else:
            waiting.append(job)
    if not waiting:
        return
    try:
        with closing(engine(map(journal.begin, waiting), len(waiting))) as ended:
            for job, reason in ended:
                journal.end(job, reason)
                yield Outcome(job, reason)
    finally:
        sweep(waiting)


def write_failures(folder: Path, failures: Sequence[Outcome]) -> Path | None:
    """List what failed, a line each, in the folder of the results; without failures an older list goes."""
    path = folder / FAILURES
    if not failures:
        path.unlink(missing_ok=True)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        file.write("".join(f"{outcome.job.photo}\t{outcome.reason}\n" for outcome in failures).encode())
    return path
