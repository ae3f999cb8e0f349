"""Groups of commands that are imported when they are called, so that `--help` needs no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


def module_of(command: str) -> str:
    """Return a command's name as Python has it: of its module, and of the command in it."""
    return command.replace("-", "_")


class CommandGroup(click.Group):
    """A group by a table: a command's name → its line in --help, in the table's order, that of a first day's work.

    A command is called in its module by its own name, and the module by that name after `prefix`.
    """

    table: Mapping[str, str] = {}
    prefix = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.table:
            return None
        name = module_of(cmd_name)
        command: click.Command = getattr(importlib.import_module(f"{self.prefix}{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
