"""`blendgan train-encoder`."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options

if TYPE_CHECKING:
    import torch

    from blendgan.encoder_runs import EncoderRun

EXAMPLE = """\b
Examples:
  blendgan train-encoder --network portraits --data faces --outdir runs/encoder --kimg 20
  blendgan train-encoder --network portraits --data faces --resume runs/encoder --kimg 30
  blendgan toonify photo.jpg --encoder runs/encoder/encoder.safetensors"""


@click.command("train-encoder", epilog=EXAMPLE)
@options.network
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True,
              help="Folder or zip of aligned real faces, as `blendgan dataset --crop face` makes it.")  # fmt: skip
@click.option("--outdir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run.")
@click.option("--resume", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Go on with this run.")
@click.option("--kimg", type=click.FloatRange(min=0, min_open=True),
              help="End after so many thousand crops.  [default: 100]")  # fmt: skip
@click.option("--batch", type=click.IntRange(min=2), default=8, show_default=True, help="Crops at a time.")
@click.option("--real", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="Share of real crops; the others are the model's own pictures.")  # fmt: skip
@click.option("--lr", type=click.FloatRange(min=0, min_open=True), default=1e-3, show_default=True,
              help="Learning rate.")  # fmt: skip
@click.option("--snap", type=click.IntRange(min=1), default=200, show_default=True, help="Batches between snapshots.")
@options.seed
@options.device
@options.threads
@options.quiet
@options.debug
def train_encoder(network: str, data: Path, device: torch.device, quiet: bool, **chosen: Any) -> int:
    """Train a small network that gives the latents of real faces at once, for toonify and project.

    Ctrl-C and SIGTERM save the run and end with 130 and 143: go on by --resume.
    """
    from blendgan.cli.progress import with_bar
    from blendgan.cli.signals import stopping
    from blendgan.encoder_runs import ENCODER_FILE, run_encoder
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    outdir = _outdir(chosen)
    with stopping() as stop:
        run = _run(network, device, chosen)
        steps = run_encoder(run, data, outdir, chosen["snap"], stop.requested, _say)
        deque(with_bar(steps, "train-encoder", total=run.course.total, quiet=quiet), maxlen=0)
    if not quiet:
        click.echo(outdir / ENCODER_FILE)
    return 0 if run.course.batches >= run.course.total else stop.exit_code


def _outdir(chosen: dict[str, Any]) -> Path:
    outdir: Path | None = chosen["resume"] or chosen["outdir"]
    if outdir is None:
        raise click.UsageError("--outdir is missing: the folder for the encoder and its log, such as runs/encoder")
    return outdir


def _run(network: str, device: torch.device, chosen: dict[str, Any]) -> EncoderRun:
    from blendgan.encoder_runs import begin_encoder, resume_encoder
    from projector.encoders.training import EncoderTraining

    if chosen["resume"] is not None:
        given = [name for name in ("batch", "real", "lr", "seed") if options.is_given(name)]
        if given:
            raise click.UsageError(f"--{given[0]}: a resumed run keeps the numbers it was begun with; leave it out")
        return resume_encoder(network, chosen["resume"], chosen["kimg"], device)
    kimg = {} if chosen["kimg"] is None else {"kimg": chosen["kimg"]}
    numbers = {"batch": chosen["batch"], "real": chosen["real"], "learning_rate": chosen["lr"], "seed": chosen["seed"]}
    return begin_encoder(network, EncoderTraining(**kimg, **numbers), device)


def _say(line: str) -> None:
    click.echo(f"blendgan: {line}", err=True)
