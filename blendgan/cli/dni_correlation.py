"""`blendgan dni correlation`."""

from __future__ import annotations

import click

from blendgan.cli import options


@click.command()
@options.debug
def correlation() -> None:
    """Show layer by layer how far the filters of networks correlate."""
