"""`blendgan train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options, training_options
from blendgan.cli.training_options import COURSE, NETWORK, network_configs, refuse_given, training_config, with_preset

if TYPE_CHECKING:
    import torch

    from blendgan.training import Run

EXAMPLE = """\b
Examples:
  blendgan train --data faces --outdir runs/portraits --kimg 300
  blendgan train --data paintings --outdir runs/paintings --from portraits --kimg 12 --snap 1
  blendgan train --data faces --resume runs/portraits --kimg 400
  torchrun --nproc-per-node 2 -m blendgan train --data faces --outdir runs/portraits"""

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(epilog=EXAMPLE)
@click.option("--data", type=FOLDER, required=True, help="Folder of pictures, with its subfolders.")
@click.option("--outdir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run.")
@click.option("--from", "from_model", metavar="MODEL", help="Transfer: start from this model's weights, at kimg 0.")
@click.option("--resume", "resume_dir", type=FOLDER, help="Go on with the run in this folder.")
@click.option("--kimg", type=float, help="End after so many thousand pictures.  [default: 300]")
@click.option("--snap", type=click.FloatRange(min=1), help="Thousand pictures between snapshots.  [default: 10]")
@training_options.network
@training_options.course
@options.device
@options.threads
@options.quiet
@options.debug
def train(data: Path, outdir: Path | None, device: torch.device, quiet: bool, **chosen: Any) -> None:
    """Train a model on a folder of pictures, from nothing, from another model, or from where a run stopped."""
    from stylegan2.memory import keep_freed_memory
    from stylegan2.train import processes

    keep_freed_memory()
    outdir = outdir or chosen["resume_dir"]
    if outdir is None:
        raise click.UsageError("--outdir is missing: the folder for snapshots and log, such as runs/portraits")
    with processes.joined(device) as own_device:
        quiet = quiet or not processes.is_first()
        _train(_run(data, own_device, chosen), data, outdir, quiet=quiet)
    if not quiet:
        click.echo(outdir)


def _train(run: Run, data: Path, outdir: Path, *, quiet: bool) -> None:
    from blendgan.cli.progress import with_training_bar
    from blendgan.devices import require_precision
    from blendgan.training import run_training

    require_precision(run.config.precision, run.state.generator.device)
    with_training_bar(run_training(run, data, outdir), quiet=quiet)


def _run(data: Path, device: torch.device, chosen: dict[str, Any]) -> Run:
    """Turn the words of the command line into one of the three ways to start."""
    from blendgan import training

    if chosen["resume_dir"] is not None:
        refuse_given((*NETWORK, *COURSE, "from_model"), "a resumed run keeps the numbers it was begun with")
        return training.resume(chosen["resume_dir"], chosen["kimg"], chosen["snap"], device)
    if chosen["from_model"] is not None:
        refuse_given(tuple(NETWORK.keys() - {"resolution"}), "the network is MODEL's own")
        size = chosen["resolution"] if options.is_given("resolution") else training.resolution_of(chosen["from_model"])
        numbers = with_preset(chosen, lambda: size)
        return training.begin_transfer(chosen["from_model"], training_config(numbers), device, size)
    numbers = with_preset(chosen, lambda: chosen["resolution"])
    classes = training.classes_in(data) if chosen["cond"] else 0
    return training.begin(*network_configs(numbers, classes), training_config(numbers), device)
