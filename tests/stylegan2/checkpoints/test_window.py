"""A window is a file within a file: its own position, its own end, and nothing read before it is asked for."""

from __future__ import annotations

import io

import pytest

from stylegan2.checkpoints.window import Window
from stylegan2.errors import Truncated

DATA = b"0123\n567\n9"


@pytest.fixture
def window() -> Window:
    return Window(io.BytesIO(b"before" + DATA + b"after"), 6, 6 + len(DATA))


def test_it_reads_like_a_file(window):
    file = io.BytesIO(DATA)
    for action in ("read:1", "readline", "tell", "read:2", "readline", "read:9", "read:1", "tell"):
        name, _, count = action.partition(":")
        arguments = [int(count)] if count else []
        assert getattr(window, name)(*arguments) == getattr(file, name)(*arguments)
    assert (window.read(), len(window), bytes(window.copy())) == (b"", len(DATA), DATA)


def test_parts_do_not_disturb_each_other(window):
    first = window.take(4)
    assert (first.read(2), window.read(1), first.read(9), window.read(3)) == (b"01", b"\n", b"23", b"567")
    assert bytes(window.part(5, 8).copy()) == b"567"


@pytest.mark.parametrize(("start", "stop"), [(0, 11), (-1, 3), (4, 3), (0, 2**62)])
def test_what_is_not_there_takes_no_memory(window, start, stop):
    with pytest.raises(Truncated, match="ends before"):
        window.part(start, stop)


def test_a_file_that_shrinks(window):
    window._file.truncate(8)
    with pytest.raises(Truncated, match="became shorter"):
        window.copy()
