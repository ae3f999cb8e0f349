"""`blendgan tune generator`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import tuning_options

if TYPE_CHECKING:
    from blendgan.tuning.generator_files import ImitationJob

EXAMPLES = """\b
Examples:
  blendgan tune generator portraits paintings --precision bf16 -o learned.safetensors
  blendgan blend portraits learned.safetensors --alpha 0.5
  blendgan tune generator ffhq.pkl cartoon.pkl --groups 16 --steps 2000 --device cuda"""


@click.command(epilog=EXAMPLES)
@click.argument("base", metavar="BASE")
@click.argument("transfer", metavar="TRANSFER")
@tuning_options.groups
@tuning_options.variant
@tuning_options.course(rate=5e-4, batch=4, steps=2000)
def generator(base: str, transfer: str, quiet: bool, **chosen: Any) -> int:
    """Learn filters with which BASE draws the pictures of TRANSFER, a model that was trained from it.

    BASE and TRANSFER are files or shipped names. The result is a model like any other: BASE with the learned filters
    in the place of its own; give it as TRANSFER to `blend`, `toonify` or `explore`, and α walks the learned path.
    Written, by default, as ftn-BASE-TRANSFER.safetensors.
    """
    return tuning_options.train(_job(base, transfer, **chosen), quiet=quiet)


def _job(
    base: str, transfer: str, *, groups: int, variant: Any, out: Path | None, force: bool, device: Any, **course: Any
) -> ImitationJob:
    from blendgan.tuning.forms import Form
    from blendgan.tuning.generator_files import imitation_job
    from blendgan.tuning.generators import ImitationPlan

    plan = ImitationPlan(**tuning_options.course_of(course))
    return imitation_job(base, transfer, Form("ftn", groups, variant), plan, out, device, replace=force)
