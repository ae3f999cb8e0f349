"""Files that are whole or not there: written beside the final name, brought to the disk, then renamed."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from stylegan2.errors import InputError

TOKEN_BYTES = 4
BESIDE = re.compile(rf"\.(.+)\.[0-9a-f]{{{2 * TOKEN_BYTES}}}\.part")  # what is being written, and under which name


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes the name `target` when the block ends, and vanishes if it fails.

    Raises InputError where the folder is missing or cannot be written, or the disk is full.
    """
    beside = target.with_name(f".{target.name}.{secrets.token_hex(TOKEN_BYTES)}.part")
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


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove what processes that were killed left beside the files of these names, which nobody may be writing now."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            found = BESIDE.fullmatch(path.name)
            if found and found[1] in names:
                path.unlink(missing_ok=True)


def write_unless_other(target: Path, contents: bytes, thing: str, *, replace: bool) -> None:
    """Write a file; the very same one that is there already is left as it is. `thing`: what messages call it.

    Raises InputError if another is there and `replace` is off, and as `writing`.
    """
    if target.exists() and not replace:
        if target.read_bytes() == contents:
            return
        raise InputError(f"{target}: another {thing} is there already; replace it with --force, or choose another name")
    with writing(target) as file:
        file.write(contents)


def _sync_folder(folder: Path) -> None:
    """Bring the new name itself to the disk, where the system lets a folder be opened (Windows does not)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
