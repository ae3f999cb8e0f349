"""`blendgan tune train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options, tuning_options

if TYPE_CHECKING:
    from blendgan.tuning.jobs import TuningJob

EXAMPLES = """\b
Examples:
  blendgan tune train denoise-20 --images clean --noise 20,80
  blendgan tune train denoise-20 --images clean --noise 20,80 --groups 16 --steps 4000 -o smooth.safetensors
  blendgan tune train main.safetensors --method cfsnet --images clean --noise 20,50"""

METHOD_OPTIONS = {"groups": "ftn", "variant": "ftn", "kernel": "adafm", "layers": "dynamic"}


@click.command(epilog=EXAMPLES)
@click.argument("main", metavar="MAIN")
@click.option(
    "--method",
    type=click.Choice(["ftn", "adafm", "cfsnet", "dynamic", "dni"]),
    default="ftn",
    show_default=True,
    help="What is trained beside the main network.",
)
@tuning_options.images
@tuning_options.noise
@tuning_options.groups
@tuning_options.variant
@click.option(
    "--kernel", type=click.Choice(["1", "3", "5"]), default="5", show_default=True, help="adafm: side of its filters."
)
@click.option("--layers", type=int, default=3, show_default=True, help="dynamic: how many tuning blocks.")
@tuning_options.patch
@tuning_options.course(rate=3e-4)
def train(main: str, quiet: bool, **chosen: Any) -> int:
    """Train a tuning of MAIN, a network's file or shipped name, for a second level of noise.

    --noise 20,80: the level that MAIN was trained for, and the second one, of 255. MAIN stays as it is: at α = 0 the
    result is its own, to the bit. Writes METHOD-MAIN.safetensors, which names MAIN's fingerprint and fits no other.
    """
    _refuse_others(chosen["method"])
    return tuning_options.train(_job(main, **chosen), quiet=quiet)


def _refuse_others(method: str) -> None:
    """An option of another method would be without effect."""
    for option, owner in METHOD_OPTIONS.items():
        if options.is_given(option) and owner != method:
            raise click.UsageError(f"--{option} is an option of --method {owner}, found --method {method}")


def _job(
    main: str,
    *,
    method: str,
    images: Path,
    noise: tuple[float, ...],
    kernel: str,
    out: Path | None,
    force: bool,
    device: Any,
    **sizes: Any,
) -> TuningJob:
    from blendgan.tuning.files import open_main
    from blendgan.tuning.forms import Form
    from blendgan.tuning.jobs import tuning_job
    from blendgan.tuning.training import Plan

    form = Form(method, sizes["groups"], sizes["variant"], int(kernel), sizes["layers"])
    plan = Plan(noise[-1] if noise else 0.0, **tuning_options.course_of(sizes))
    return tuning_job(open_main(main, device), form, images, noise, plan, out, replace=force)
