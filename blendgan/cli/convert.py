"""`blendgan convert`."""

from __future__ import annotations

from pathlib import Path

import click

from blendgan.cli import options


@click.command(epilog="\b\nExample:\n  blendgan convert ffhq.pkl ffhq.safetensors --verify")
@click.argument("model", metavar="IN")
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--verify", is_flag=True, help="Render with both files and print the largest difference.")
@options.force
@options.threads
@options.debug
def convert(model: str, target: Path, verify: bool, force: bool) -> None:
    """Read the model IN, of any known format, and write it to OUT as safetensors."""
    from blendgan import conversion

    conversion.convert(model, target, replace=force)
    click.echo(f"wrote {target}")
    if verify:
        proof = conversion.verify(model, target)
        click.echo(f"largest difference over {proof.pictures} pictures: {proof.largest_difference:.3g}")
