"""Options of the commands that train a small network on clean pictures, one decorator each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blendgan.cli import dni_measures, options

if TYPE_CHECKING:
    from blendgan.tuning.resumable import Job

COURSE = ("steps", "rate", "batch", "patch_px", "seed", "precision")
Command = TypeVar("Command", bound=Callable[..., Any])

images = click.option(
    "--images",
    type=dni_measures.FOLDER,
    required=True,
    metavar="DIR",
    help="Folder of clean pictures; subfolders count too.",
)
noise = click.option(
    "--noise",
    type=dni_measures.Levels(),
    default=(),
    metavar="SIGMA,...",
    help="Standard deviation of the noise, of 255: `main` takes one level, `train` two, 20,80.",
)
out = click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The result: .safetensors."
)


groups = click.option("--groups", type=int, default=1, show_default=True, metavar="G", help="ftn: groups of filters.")
variant = click.option(
    "--variant",
    type=click.Choice(["plain", "deeper", "spatial"]),
    default="plain",
    show_default=True,
    help="ftn: two layers, three, or depth-wise ones.",
)
patch = click.option("--patch", "patch_px", type=int, default=48, show_default=True, help="Patches' side, px.")


def course(rate: float, batch: int = 16, steps: int = 2000) -> Callable[[Command], Command]:
    """Add how long, how fast and on how much is trained, with these defaults, and what every training has."""

    def add(command: Command) -> Command:
        for option in (
            *(options.debug, options.quiet, options.threads, options.device, options.seed, options.force, out),
            click.option("--batch", type=int, default=batch, show_default=True, help="Pictures at each step."),
            click.option(
                "--rate", type=options.Finite(), default=rate, show_default=True, help="Learning rate, at most."
            ),
            click.option(
                "--precision",
                type=click.Choice(["fp32", "bf16"]),
                default="fp32",
                show_default=True,
                help="bf16 takes half the time on processors that have it.",
            ),
            click.option("--steps", type=int, default=steps, show_default=True, help="How many steps."),
        ):
            command = option(command)
        return command

    return add


def course_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `course`, `patch` say of the training's plan, among all that was chosen."""
    return {name: chosen[name] for name in COURSE if name in chosen}


def train(job: Job[Any, Any], *, quiet: bool) -> int:
    """Train to the end and write the result, or until a signal; return the exit code."""
    from blendgan.cli.progress import with_bar
    from blendgan.cli.signals import stopping

    last = 0
    with stopping() as stop:
        for step in with_bar(job.steps(stop.requested), "train", total=job.plan.steps, quiet=quiet):
            last = step.index
    if last < job.plan.steps:
        click.echo(
            f"blendgan: ended after step {last} of {job.plan.steps}; the same command goes on from there", err=True
        )
        return stop.exit_code
    job.save()
    if not quiet:
        click.echo("\n".join(job.sentences()))
    return 0
