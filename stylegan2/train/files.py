"""Files by name, in a folder or a zip: the two places that pictures come from. Zips are read, never extracted."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from stylegan2.errors import InputError

MAX_FILE_BYTES = 2**28  # of one file: beyond any photo, and several may be unpacked at once
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
REPARATION = "make the zip anew without it, or unpack it yourself and give the folder"


class Files(Protocol):
    """Named files. Names have `/` between folder and file, come in the order of their parts, and none is hidden."""

    @property
    def place(self) -> str:
        """The path as it was given, for messages."""
        ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, name: str) -> bytes:
        """Return a file's contents. Raises InputError, which names it, for one that cannot be read or is too large."""
        ...


def open_files(path: str | Path) -> FolderFiles | ZipFiles:
    """Open a folder or a zip. Raises InputError for anything else, and as FolderFiles and ZipFiles."""
    path = Path(path)
    if path.is_dir():
        return FolderFiles(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return ZipFiles(path)
    found = (
        "a file that is no zip, or a damaged one" if path.is_file() else "nothing" if not path.exists() else "a device"
    )
    raise InputError(f"{path}: found {found}, expected a folder of pictures, or a zip of them")


class FolderFiles:
    """The files below a folder. Links are followed, each folder is entered once; so a link to above ends."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder
        self.names = _in_order(_walk(folder, "", set()))

    def read(self, name: str) -> bytes:
        """Return a file's contents. Raises InputError."""
        try:
            with open(self._folder / name, "rb", opener=_open_at_once) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise InputError(f"{name}: cannot be read (it is no plain file)")
                _check_size(name, found.st_size)
                return file.read(MAX_FILE_BYTES)
        except (OSError, ValueError) as error:
            raise InputError(f"{name}: cannot be read ({_reason(error)})") from error


def _open_at_once(path: str, flags: int) -> int:
    """A pipe without a writer would be waited for; opened so, it is seen for what it is."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _walk(folder: Path, prefix: str, entered: set[tuple[int, int]]) -> Iterator[str]:
    """Names of everything but folders; a link that leads nowhere is named too, so that it can be missed."""
    try:
        itself = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be listed ({_reason(error)}); mend its permissions, or move it away"
        ) from error
    if (itself.st_dev, itself.st_ino) in entered:
        return
    entered.add((itself.st_dev, itself.st_ino))
    for entry in sorted(entries, key=lambda entry: entry.name):
        if _is_hidden(entry.name):
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", entered)
        else:
            yield prefix + entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


class ZipFiles:
    """The files in a zip. Raises InputError for one that is damaged, or whose names lead out of it."""

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except BROKEN_ZIP as error:
            raise InputError(f"{path}: cannot be read as a zip ({_reason(error)}); fetch or make it anew") from error
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        for member in members:
            _check_member_name(self.place, member.filename)
        self._members = {member.filename: member for member in members}
        if len(self._members) < len(members):
            twice = _first_twice([member.filename for member in members])
            raise InputError(f"{path}: names {twice!r} twice, expected each name once; {REPARATION}")
        self.names = _in_order(name for name in self._members if not any(map(_is_hidden, name.split("/"))))

    def read(self, name: str) -> bytes:
        """Return a file's contents; several threads may. Raises InputError."""
        try:
            member = self._members[name]
            _check_size(name, member.file_size)  # no more than it says is ever unpacked
            return self._zip.read(member)
        except KeyError as error:
            raise InputError(f"{name}: cannot be read (it is not in the zip)") from error
        except BROKEN_ZIP as error:
            raise InputError(f"{name}: cannot be read ({_reason(error)})") from error


def _check_member_name(place: str, name: str) -> None:
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or "\\" in name or ":" in parts[0] or "\0" in name:
        raise InputError(f"{place}: names {name!r}, expected names inside the zip, as a/b.png; {REPARATION}")


def _check_size(name: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise InputError(f"{name}: cannot be read (it has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read)")


def _first_twice(names: list[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"  # what systems leave beside pictures is none of them


def _in_order(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: PurePosixPath(name).parts))


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()).lower() or type(error).__name__
