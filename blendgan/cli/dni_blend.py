"""`blendgan dni blend`."""

from __future__ import annotations

import click

from blendgan.cli import options


@click.command()
@options.debug
def blend() -> None:
    """Write the weighted mean of networks of one architecture."""
