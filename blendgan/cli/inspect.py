"""`blendgan inspect`."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.tables import show_table


@click.command(epilog="\b\nExamples:\n  blendgan inspect portraits\n  blendgan inspect network-snapshot-000160.pkl")
@click.argument("model")
@options.debug
def inspect(model: str) -> None:
    """Show what MODEL, a file of any known format or a shipped name, holds."""
    from blendgan.inspection import inspect as look_into

    show_table(model, look_into(model).items())
