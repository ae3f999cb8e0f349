"""`blendgan sample`."""

from __future__ import annotations

from pathlib import Path

import click

from blendgan.cli import options


@click.command(epilog="\b\nExample:\n  blendgan sample photo.jpg")
@click.argument("photo", type=click.Path(dir_okay=False, path_type=Path))
@options.quiet
@options.debug
def sample(photo: Path, quiet: bool) -> None:
    """Write a public-domain portrait (Eileen Collins, NASA; 512 x 512 px) to PHOTO, a .jpg or .png file."""
    from blendgan.samples import write_portrait

    write_portrait(photo)
    if not quiet:
        click.echo(f"wrote {photo}")
