"""Ctrl-C and SIGTERM as a question that long work asks between two steps: was it asked to stop?

with stopping() as stop:
    for step in work:
        if stop.requested():
            save()
            break
return stop.exit_code
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = b"\nblendgan: saving what is done; Ctrl-C again ends at once\n"


class Stop:
    """Which signal asked for an end, if any. Until the first question signals act as they always do."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.before: dict[int, Any] = {}  # what each signal did before

    def requested(self) -> bool:
        """Whether a signal asked for an end; from the first call on they do no more than that."""
        if not self.before:
            self.before = {number: signal.getsignal(number) for number in SIGNALS}
            for number, action in self.before.items():
                if action is not signal.SIG_IGN:  # as nohup and shells have it for what runs in the background
                    signal.signal(number, self._remember)
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells have it: 130 for Ctrl-C, 143 for SIGTERM; 0 without one."""
        return 0 if self.signal is None else 128 + self.signal

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        if number == signal.SIGINT and sys.stderr.isatty():
            os.write(2, SAID)  # print may have been interrupted itself


@contextmanager
def stopping() -> Iterator[Stop]:
    """Give a Stop; at the end of the block signals do what they did before."""
    stop = Stop()
    try:
        yield stop
    finally:
        for number, action in stop.before.items():
            signal.signal(number, action)


@contextmanager
def resumable(*, is_forced: bool) -> Iterator[None]:
    """Let Ctrl-C end work that keeps what is done, and say how it goes on: with --force it would begin anew."""
    try:
        yield
    except KeyboardInterrupt as error:
        click.echo(err=True)
        without = " without --force" if is_forced else ""
        raise click.Abort(f"the same command{without} goes on from here") from error
