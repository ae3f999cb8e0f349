"""A lock between processes that the system itself takes away when its holder ends, however it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock, and hold it. The file stays; that it exists means nothing."""
    with path.open("ab") as file:
        _acquire(file)
        try:
            yield
        finally:
            _release(file)


@contextmanager
def locked_at_once(path: Path) -> Iterator[bool]:
    """Hold the lock if no other process does, without waiting; yields whether it is held."""
    with path.open("ab") as file:
        held = _try(file)
        try:
            yield held
        finally:
            if held:
                _release(file)


if sys.platform == "win32":
    import msvcrt

    PAUSE_SECONDS = 0.1

    def _acquire(file: BinaryIO) -> None:
        while not _try(file):  # LK_LOCK would give up after ten seconds
            time.sleep(PAUSE_SECONDS)

    def _try(file: BinaryIO) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        except OSError:  # held by another process
            return False

    def _release(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _try(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:  # held by another process
            return False

    def _release(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
