"""Files that are whole or not there: written beside the final name, brought to the disk, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stylegan2.errors import InputError


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes the name `target` when the block ends, and vanishes if it fails.

    Raises InputError where the folder is missing or cannot be written, or the disk is full.
    """
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
        _sync_folder(target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{target}: could not be written ({reason}); nothing was left there. Choose another place"
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the new name itself to the disk, where the system lets a folder be opened (Windows does not)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
