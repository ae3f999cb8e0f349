"""`blendgan doctor`."""

from __future__ import annotations

import click

from blendgan.cli import options
from blendgan.cli.tables import show_table

EXAMPLES = """\b
Examples:
  blendgan doctor
  blendgan doctor --build
  blendgan doctor --build --arch 90"""


@click.command(epilog=EXAMPLES)
@click.option("--build", is_flag=True, help="Build the CUDA kernels now, for this machine's CUDA device.")
@click.option("--arch", metavar="90", help="With --build: for devices of this compute capability instead, unchecked.")
@options.debug
def doctor(build: bool, arch: str | None) -> None:
    """Show what this machine has and what is missing."""
    if arch is not None and not build:
        raise click.UsageError("--arch says what --build builds for; give both")
    if build:
        return show_build(arch)
    from blendgan.diagnosis import findings

    show_table("blendgan doctor", [(found.subject, found.value, found.advice) for found in findings()])


def show_build(arch: str | None) -> None:
    """Build, and print where the library lies."""
    from blendgan.kernel_report import build_ahead

    built = build_ahead(arch)
    click.echo(f"CUDA kernels for sm_{built.architecture}: ready after {built.seconds:.1f} s in {built.path}")
