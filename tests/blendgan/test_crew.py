"""Work shared among processes, some of which are killed."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from blendgan.crew import threads_each, work_through
from stylegan2.errors import InputError

UNIX_ONLY = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed by a signal")


@pytest.fixture
def crew_work(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module crew_work.py, where the workers find it too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("crew_work")


@UNIX_ONLY
def test_every_item_ends_once_whoever_dies(tmp_path: Path, crew_work: ModuleType) -> None:
    items = ["a", "kill", "b", "once", "bad", "c", "d"]
    ended = list(work_through(items, partial(crew_work.open_work, tmp_path), 2))
    assert sorted(item for item, _ in ended) == sorted(items)
    reasons = dict(ended)
    assert reasons.pop("kill").startswith("its worker ended 2 times (SIGKILL")
    assert reasons.pop("bad") == "bad cannot be done"
    assert set(reasons.values()) == {""}
    tries = {item: len(list(tmp_path.glob(f"{item}.*"))) for item in items}
    assert tries == {"a": 1, "kill": 2, "b": 1, "once": 2, "bad": 1, "c": 1, "d": 1}
    assert not multiprocessing.active_children()


def test_a_worker_that_cannot_begin_ends_the_run_in_one_line(crew_work: ModuleType) -> None:
    with pytest.raises(InputError, match=r"^model.pkl: no such file$"):
        list(work_through(["a", "b"], crew_work.cannot_open, 2))
    with pytest.raises(InputError, match=r"one ended before it began \(exit 7\)"):
        list(work_through(["a", "b"], crew_work.dies_at_once, 1))
    assert not multiprocessing.active_children()


@UNIX_ONLY
def test_closing_ends_the_workers_and_what_they_had_begun(tmp_path: Path, crew_work: ModuleType) -> None:
    def items():  # type: ignore[no-untyped-def]
        yield tmp_path / "first"
        while not (tmp_path / "first").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(work_through(items(), crew_work.sleeps, 2))
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())  # `finally` of the worker ran


def test_threads_are_shared_out() -> None:
    assert threads_each(1) >= threads_each(2) >= 1
    assert threads_each(10_000) == 1
