"""`blendgan train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options, run_options, training_options
from blendgan.cli.training_options import COURSE, NETWORK, network_configs, refuse_given, training_config, with_preset

if TYPE_CHECKING:
    import torch

    from blendgan.training import Run

EXAMPLE = """\b
Examples:
  blendgan train --data faces --outdir runs/portraits --kimg 300
  blendgan train --data paintings --outdir runs/paintings --from portraits --kimg 12 --snap 1
  blendgan train --data faces --resume runs/portraits --kimg 400
  blendgan train --data faces --outdir runs/portraits --resume auto
  torchrun --nproc-per-node 2 -m blendgan train --data faces --outdir runs/portraits"""

DATA = click.Path(exists=True, path_type=Path)


@click.command(epilog=EXAMPLE)
@click.option("--data", type=DATA, required=True, help="Folder of pictures, with its subfolders, or a zip of them.")
@click.option("--outdir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run.")
@click.option("--from", "from_model", metavar="MODEL", help="Transfer: start from this model's weights, at kimg 0.")
@click.option("--kimg", type=float, help="End after so many thousand pictures.  [default: 300]")
@click.option("--snap", type=click.FloatRange(min=1), help="Thousand pictures between snapshots.  [default: 10]")
@training_options.network
@training_options.course
@run_options.control
@options.device
@options.threads
@options.quiet
@options.debug
def train(data: Path, outdir: Path | None, device: torch.device, quiet: bool, **chosen: Any) -> int:
    """Train a model on a folder of pictures, from nothing, from another model, or from where a run stopped.

    Ctrl-C and SIGTERM save the run and end with 130 and 143: go on by --resume.
    """
    from blendgan.cli.signals import stopping
    from stylegan2.memory import keep_freed_memory
    from stylegan2.train import processes

    keep_freed_memory()
    outdir = _outdir(outdir, chosen["resume_dir"])
    with processes.joined(device) as own_device, stopping() as stop:
        quiet = quiet or not processes.is_first()
        run = _run(data, outdir, own_device, chosen)
        _train(run, data, outdir, chosen, stop.requested, quiet=quiet)
    if not quiet:
        click.echo(outdir)
    return 0 if run.is_finished else stop.exit_code


def _train(
    run: Run, data: Path, outdir: Path, chosen: dict[str, Any], requested: Callable[[], bool], *, quiet: bool
) -> None:
    """Train; of several processes the first watches and judges."""
    from blendgan.cli.progress import with_training_bar
    from blendgan.control import Control
    from blendgan.devices import require_precision
    from blendgan.training import open_data, run_training
    from blendgan.watching import watchers_of
    from stylegan2.train import processes

    require_precision(run.config.precision, run.state.generator.device)
    watching, control, pictures = run_options.watching_of(chosen), Control(stop_requested=requested), None
    if run.is_finished and chosen["resume_dir"] == run_options.AUTO:
        return
    if processes.is_first():
        pictures = open_data(run, data, _say) if watching.metrics else None
        control = run_options.control_of(chosen, watchers_of(run, pictures, outdir, watching), requested)
    with_training_bar(run_training(run, pictures or data, outdir, control, _say), quiet=quiet)


def _outdir(outdir: Path | None, resume_dir: Path | str | None) -> Path:
    outdir = outdir or (resume_dir if isinstance(resume_dir, Path) else None)
    if outdir is None:
        raise click.UsageError("--outdir is missing: the folder for snapshots and log, such as runs/portraits")
    return outdir


def _say(line: str) -> None:
    """What is skipped or left aside of the data: said even to who wants quiet."""
    click.echo(f"blendgan: {line}", err=True)


def _run(data: Path, outdir: Path, device: torch.device, chosen: dict[str, Any]) -> Run:
    """Turn the words of the command line into one of the ways to start."""
    from blendgan import training

    if chosen["resume_dir"] == run_options.AUTO:
        return _resume_or_begin(data, outdir, device, chosen)
    if chosen["resume_dir"] is not None:
        refuse_given((*NETWORK, *COURSE, "from_model"), "a resumed run keeps the numbers it was begun with")
        return training.resume(chosen["resume_dir"], chosen["kimg"], chosen["snap"], device)
    return _begin(data, device, chosen)


def _begin(data: Path, device: torch.device, chosen: dict[str, Any]) -> Run:
    from blendgan import training

    numbers = _numbers(chosen)
    if chosen["from_model"] is not None:
        refuse_given(tuple(NETWORK.keys() - {"resolution"}), "the network is MODEL's own")
        larger = chosen["resolution"] if options.is_given("resolution") else None
        return training.begin_transfer(chosen["from_model"], training_config(numbers), device, larger)
    classes = training.classes_in(data) if chosen["cond"] else 0
    return training.begin(*network_configs(numbers, classes), training_config(numbers), device)


def _numbers(chosen: dict[str, Any]) -> dict[str, Any]:
    return with_preset(chosen, lambda: _resolution(chosen))


def _resolution(chosen: dict[str, Any]) -> int:
    """Of the pictures: what is said, or for a transfer what the model has."""
    from blendgan.training import resolution_of

    if chosen["from_model"] is None or options.is_given("resolution"):
        return int(chosen["resolution"])
    return resolution_of(chosen["from_model"])


def _resume_or_begin(data: Path, outdir: Path, device: torch.device, chosen: dict[str, Any]) -> Run:
    """One command line that begins a run and, started again, goes on with it: for supervisors."""
    from blendgan import training

    if not training.holds_run(outdir):
        return _begin(data, device, chosen)
    run = training.resume(outdir, chosen["kimg"], chosen["snap"], device)
    numbers, is_new = _numbers(chosen), chosen["from_model"] is None
    classes = training.classes_in(data) if chosen["cond"] else 0
    training.require_same_origin(run, chosen["from_model"])
    training.require_same(run, training_config(numbers), network_configs(numbers, classes) if is_new else None)
    return run
