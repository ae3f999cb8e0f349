"""Commands over many inputs: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from blendgan.cli.main import is_mendable, one_line

Item = TypeVar("Item")
EXIT_SOME_FAILED = 3


def for_each(items: Sequence[Item], work: Callable[[Item], None]) -> None:
    """Call `work` for every item, in order; list those that failed with their reasons, and exit 3 if any did.

    With one item there is nothing to go on with: its error is raised as it is, and the command exits 2.
    """
    if len(items) == 1:
        work(items[0])
        return
    failures = [failure for item in items if (failure := _try(item, work)) is not None]
    if failures:
        click.echo(f"blendgan: {len(failures)} of {len(items)} inputs failed", err=True)
        click.get_current_context().exit(EXIT_SOME_FAILED)


def _try(item: Item, work: Callable[[Item], None]) -> str | None:
    try:
        work(item)
    except Exception as error:
        if not is_mendable(error):
            raise
        reason = f"{item}: {one_line(error).removeprefix(f'{item}: ')}"
        click.echo(f"blendgan: {reason}", err=True)
        return reason
    return None
