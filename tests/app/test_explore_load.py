"""Eight sessions at once, which all drag a point: no error, memory that does not grow."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.slow
SESSIONS, SECONDS = 8, 15.0  # a minute is for `python -m benchmarks.explorer_load`
GROWTH = 1.25  # of a process of some 300 MiB in the first seconds of its work


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_eight_sessions_at_once(browser, pico_files, record_property):
    from benchmarks.explorer_load import load, p95

    seen = load(browser, SESSIONS, SECONDS, (*pico_files[:2], "--threads", "1"))
    assert seen.errors == ()
    assert len(seen.taken) >= 2 * SESSIONS  # all of them got on
    assert seen.end_bytes <= GROWTH * seen.settled_bytes
    record_property("p95_ms", p95(seen.taken))  # in the report of a run; told, not judged: the machine is shared
