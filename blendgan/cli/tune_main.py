"""`blendgan tune main`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from blendgan.cli import tuning_options

EXAMPLES = """\b
Examples:
  blendgan tune main --images clean --noise 20 -o main.safetensors
  blendgan tune main --images clean --noise 20 --width 64 --blocks 16 --steps 20000 -o large.safetensors"""


@click.command("main", epilog=EXAMPLES)
@tuning_options.images
@tuning_options.noise
@click.option("--width", type=int, default=32, show_default=True, help="Channels of its convolutions.")
@click.option("--blocks", type=int, default=6, show_default=True, help="Residual blocks.")
@click.option(
    "--channels", type=click.Choice(["1", "3"]), default="3", show_default=True, help="Of its pictures: grey or colour."
)
@tuning_options.patch
@tuning_options.course(rate=1e-3)
def main(noise: tuple[float, ...], out: Path | None, channels: str, quiet: bool, **chosen: Any) -> int:
    """Train a small residual denoiser for one level of noise, to be tuned for others.

    It is built after AdaFM-Net, whose size is --width 64 --blocks 16. Writes main.safetensors.
    """
    from blendgan.tuning.jobs import main_job
    from blendgan.tuning.training import Plan

    if len(noise) != 1:
        raise click.UsageError("--noise: expected one level, of 255: --noise 20")
    plan = Plan(noise[0], **tuning_options.course_of(chosen))
    target, sizes = out or Path("main.safetensors"), (int(channels), chosen["width"], chosen["blocks"])
    job = main_job(chosen["images"], *sizes, plan, target, chosen["device"], replace=chosen["force"])
    return tuning_options.train(job, quiet=quiet)
