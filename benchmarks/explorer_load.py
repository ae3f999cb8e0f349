"""Many sessions of the explorer at once, which all drag a point: python -m benchmarks.explorer_load --sessions 8

Each is a page of a real Chromium with a profile of its own. Told are the errors of pages and consoles, what the slowest
answers took, and whether the server's memory grows.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.browser import Visit, chromium, explorer, visit
from benchmarks.figures import Row

SESSIONS, SECONDS = 8, 60.0
SETTLED_S = 10.0  # by then each session has been drawn for
POINT = 1  # of the curve
SIZE = 400, 700  # px of each page: the browsers draw on the same processors as the server, and would take most of them
PLACES = (*range(10, 110, 3), *range(110, 10, -3))  # px from the point's place towards the middle
GROWTH = 1.1  # of memory from SETTLED_S to the end: the caches of pictures and activations fill up meanwhile
PAGE_BYTES = 4096  # of /proc/PID/statm


@dataclass(frozen=True)
class Load:
    """What the sessions saw: ms of every answer, their errors; the server's resident bytes, settled and at the end."""

    taken: tuple[float, ...]
    errors: tuple[str, ...]
    settled_bytes: int
    end_bytes: int


def rows() -> list[Row]:
    """Return the figures of eight sessions in a minute."""
    with chromium() as browser:
        seen = load(browser, SESSIONS, SECONDS)
    head = f"explorer, {SESSIONS} sessions, {SECONDS:g} s"
    median = statistics.median(seen.taken)
    memory = f"{seen.end_bytes / 2**20:.0f} MiB"
    before = f"after {SETTLED_S:g} s {seen.settled_bytes / 2**20:.0f} MiB"
    return [
        Row(f"{head}, {len(seen.taken)} answers", f"{median:.0f} ms, p95 {p95(seen.taken):.0f} ms", "", None),
        Row(f"{head}, memory of the server", memory, before, seen.end_bytes / seen.settled_bytes, f"≤ {GROWTH}"),
        Row(f"{head}, errors", f"{len(seen.errors)}", "", None),
    ]


def load(browser: Browser, sessions: int, seconds: float, words: Sequence[str] = ()) -> Load:
    """Let so many sessions drag a point at once on `blendgan explore WORDS`; each looks at a seed of its own."""
    with explorer(*words) as server, ExitStack() as stack:
        visits = [stack.enter_context(visit(browser, f"{server.url}/?seeds={n}", *SIZE)) for n in range(sessions)]
        for one in visits:
            one.wait_for_pictures()
        settled = _drag_all(visits, seconds, server.process.pid)
        end = memory_of(server.process.pid)
        taken = tuple(told["taken"] for one in visits for told in one.shown())
        errors = tuple(line for one in visits for line in (*one.complaints, *one.alerts()))
    return Load(taken, errors, settled, end)


def _drag_all(visits: Sequence[Visit], seconds: float, pid: int) -> int:
    """Move every session's point in turn until the time is over; the server's memory once it is settled."""
    ways = [one.inwards(POINT) for one in visits]
    places = [one.take_hold(POINT) for one in visits]
    started, settled = time.perf_counter(), 0
    for step in cycle(PLACES):
        for one, way, (x, y) in zip(visits, ways, places, strict=True):
            one.page.mouse.move(x, y + way * step)
        passed = time.perf_counter() - started
        if not settled and passed > min(SETTLED_S, seconds / 2):
            settled = memory_of(pid)
        if passed > seconds:
            break
    for one in visits:
        one.page.mouse.up()
        one.page.wait_for_timeout(500)  # until the last answer is there
    return settled


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(values)[max(round(0.95 * len(values)) - 1, 0)]


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and of those that it started (Linux)."""
    started = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return _resident(pid) + sum(memory_of(int(child)) for child in started)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def main() -> None:
    """Load a server, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    with chromium() as browser:
        seen = load(browser, given.sessions, given.seconds)
    print(f"{len(seen.taken)} answers, median {statistics.median(seen.taken):.0f} ms, p95 {p95(seen.taken):.0f} ms")
    print(f"memory {seen.settled_bytes / 2**20:.0f} MiB, at the end {seen.end_bytes / 2**20:.0f} MiB")
    print(f"{len(seen.errors)} errors", *seen.errors, sep="\n")


if __name__ == "__main__":
    main()
