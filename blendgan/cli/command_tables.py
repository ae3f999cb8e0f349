"""Groups of commands that are imported when they are called, so that `--help` needs no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class CommandGroup(click.Group):
    """A group by a table: a command's name → its line in --help, in the table's order, that of a first day's work."""

    table: Mapping[str, str] = {}

    def place_of(self, name: str) -> tuple[str, str]:
        """Return the module of a command, and its name there."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.table:
            return None
        module, name = self.place_of(cmd_name)
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
