"""What the workers of test_crew do: in a module of its own, since a new process must be able to import it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stylegan2.errors import InputError


def open_work(folder: Path) -> Callable[[str], str]:
    return partial(work, folder)


def work(folder: Path, item: str) -> str:
    """Leave a mark for every try. "kill" dies always, "once" the first time, "bad" fails."""
    tries = len(list(folder.glob(f"{item}.*")))
    (folder / f"{item}.{os.getpid()}.{tries}").write_text("")
    if item == "kill" or (item == "once" and tries == 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{item} cannot be done" if item == "bad" else ""


def cannot_open() -> Callable[[str], str]:
    raise InputError("model.pkl: no such file")


def dies_at_once() -> Callable[[str], str]:
    os._exit(7)


def sleeps() -> Callable[[Path], str]:
    return wait_for_ever


def wait_for_ever(mark: Path) -> str:
    try:
        mark.write_text(str(os.getpid()))
        time.sleep(60)
    finally:
        mark.unlink()
    return ""
