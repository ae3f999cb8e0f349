"""A part of a file that reads like a file, and stays in the file until its bytes are asked for."""

from __future__ import annotations

from typing import BinaryIO

from stylegan2.errors import Truncated


class Window:
    """Bytes `start` to `stop` of an open file. Its position is its own: windows on one file do not disturb each other.

    Every size is compared with what the file has before memory is taken; Truncated where there is less.
    """

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file, self._start, self._stop = file, start, stop
        self._at = start

    def __len__(self) -> int:
        return self._stop - self._start

    def tell(self) -> int:
        """Where the next read begins, from the start of the window."""
        return self._at - self._start

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes; fewer at the end, all that are left where count is negative."""
        left = self._stop - self._at
        self._file.seek(self._at)
        data = self._file.read(left if count < 0 else min(count, left))
        self._at += len(data)
        return data

    def readline(self) -> bytes:
        """Return the next bytes up to the end of the line."""
        self._file.seek(self._at)
        line = self._file.readline(self._stop - self._at)
        self._at += len(line)
        return line

    def take(self, count: int) -> Window:
        """Return the next bytes as a window, unread, and go past them."""
        taken = self.part(self.tell(), self.tell() + count)
        self._at += count
        return taken

    def part(self, start: int, stop: int) -> Window:
        """Return some of the bytes as a window, unread; places count from the start of this one."""
        if not 0 <= start <= stop <= len(self):
            raise Truncated("the file ends before its contents do; download or copy it again")
        return Window(self._file, self._start + start, self._start + stop)

    def copy(self) -> bytearray:
        """Return all bytes, in memory of their own."""
        data = bytearray(len(self))
        self._file.seek(self._start)
        if self._file.readinto(data) != len(data):  # type: ignore[attr-defined]  # files and BytesIO have it
            raise Truncated("the file became shorter while it was read; try again")
        return data
