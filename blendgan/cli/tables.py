"""Tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

PIPE_WIDTH = 200  # columns where nobody looks: a log or a pipe should not be folded at 80


def show_table(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under a title; cells are shown as they are, without rich's markup."""
    from rich.console import Console  # takes longer to import than all of --help
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(markup=False, highlight=False, width=width).print(table)


def show_columns(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under headings; cells are shown as they are, without rich's markup."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(markup=False, highlight=False, width=width).print(table)
