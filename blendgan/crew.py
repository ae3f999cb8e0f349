"""Work shared among processes, one item at a time; a process that dies costs no more than its item, after two tries.

`multiprocessing`'s pools hang or break when a worker is killed, and tell nobody which item it had; here each worker has
a pipe of its own, so it is known. Workers are spawned: a forked copy of a process that has used torch's threads hangs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Generic, TypeVar

from stylegan2.errors import BlendganError, InputError

Item = TypeVar("Item")
Work = Callable[[Item], str]  # returns why the item failed; empty when it is done
TRIES = 2  # of an item whose worker died: the second time it is at fault itself
PATIENCE_S = 5.0  # a worker that is told to go has so long to remove what is half-written


@dataclass(eq=False)
class _Task(Generic[Item]):
    """An item, and how many workers died with it."""

    item: Item
    deaths: int = 0


@dataclass(eq=False)
class _Worker(Generic[Item]):
    """One process, the pipe to it, and what it has to do; `is_ready` once it has its models."""

    process: BaseProcess
    pipe: Connection
    task: _Task[Item] | None = None
    is_ready: bool = False


@dataclass(eq=False)
class _Queue(Generic[Item]):
    """What is still to be handed out: first what comes again."""

    items: Iterator[Item]
    again: deque[_Task[Item]] = field(default_factory=deque)

    def next(self) -> _Task[Item] | None:
        if self.again:
            return self.again.popleft()
        return next((_Task(item) for item in self.items), None)


def work_through(items: Iterable[Item], make: Callable[[], Work[Item]], count: int) -> Iterator[tuple[Item, str]]:
    """Let `count` processes do all items; yields each with the reason of its failure, empty if none, as they end.

    `make` is called once in every process and returns what does the work; both, and the items, must pickle. An item
    whose worker dies is tried once more, by another. No process outlives the iterator: closing it ends them. Raises
    InputError where a worker cannot begin.
    """
    queue = _Queue(iter(items))
    crew = [_hire(make) for _ in range(count)]
    try:
        while crew:
            for pipe in wait([worker.pipe for worker in crew]):
                worker = next(one for one in crew if one.pipe is pipe)
                ended, is_alive = _hear(worker, queue)
                if not is_alive:
                    crew.remove(worker)
                    worker.process.join()
                if ended is not None:
                    yield ended
                if not is_alive and worker.task is not None:
                    crew.append(_hire(make))
    finally:
        _dismiss(crew)


def _hear(worker: _Worker[Item], queue: _Queue[Item]) -> tuple[tuple[Item, str] | None, bool]:
    """Take a worker's message: the item that ended thereby, and whether the worker lives on."""
    try:
        said: str = worker.pipe.recv()
    except (EOFError, OSError):
        return _dead(worker, queue), False
    if not worker.is_ready:
        worker.is_ready = True
        if said:
            raise InputError(said)
        return None, _hand_out(worker, queue)
    task = worker.task
    alive = _hand_out(worker, queue)
    return None if task is None else (task.item, said), alive


def _hand_out(worker: _Worker[Item], queue: _Queue[Item]) -> bool:
    """Give the worker its next item; False, and it may go, where there is none."""
    worker.task = queue.next()
    with suppress(OSError):  # it died meanwhile: the pipe will tell
        worker.pipe.send(None if worker.task is None else worker.task.item)
    return worker.task is not None


def _dead(worker: _Worker[Item], queue: _Queue[Item]) -> tuple[Item, str] | None:
    """Let the item that a worker died with come again, or end as failed."""
    worker.process.join()
    cause, task = _cause(worker.process.exitcode), worker.task
    if not worker.is_ready:
        raise InputError(f"workers: one ended before it began ({cause}); take fewer with --workers")
    if task is None:
        return None
    task.deaths += 1
    if task.deaths < TRIES:
        queue.again.append(task)
        return None
    return task.item, f"its worker ended {TRIES} times ({cause})"


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name if -exitcode in signal.valid_signals() else f"signal {-exitcode}"
        return f"{name}; the system does this when memory runs out" if name == "SIGKILL" else name
    return f"exit {exitcode}"


# ---- processes ------------------------------------------------------------------------------------------------


def _hire(make: Callable[[], Work[Any]]) -> _Worker[Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make), daemon=True)
    with _deaf_to_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let a process that starts now inherit that Ctrl-C is not for it: a terminal sends it to all of them at once."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, make: Callable[[], Work[Any]]) -> None:
    """A worker's life: begin, say so, then item by item, until there is none or the other end has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for Windows; elsewhere it is blocked already
    signal.signal(signal.SIGTERM, _leave)
    try:
        work = make()
    except (BlendganError, OSError) as error:  # the same for every worker: it is said once, by whoever hired it
        pipe.send(" ".join(str(error).split()) or type(error).__name__)
        return
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send("")
        while (item := pipe.recv()) is not None:
            pipe.send(work(item))


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # so that `finally` blocks remove what is half-written


def _dismiss(crew: Iterable[_Worker[Any]]) -> None:
    """End every process: first politely, then at once."""
    crew = list(crew)
    for worker in crew:
        worker.process.terminate()
    for worker in crew:
        worker.process.join(PATIENCE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_each(workers: int) -> int:
    """Return how many threads a worker has, so that together they have the cores that this process may use, once."""
    return max(1, cores() // workers)
