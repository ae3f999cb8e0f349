"""`blendgan doctor`."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.tables import show_table


@click.command(epilog="\b\nExample:\n  blendgan doctor")
@options.debug
def doctor() -> None:
    """Show what this machine has and what is missing."""
    from blendgan.diagnosis import findings

    show_table("blendgan doctor", [(found.subject, found.value, found.advice) for found in findings()])
