"""A training run in a folder: from nothing, from another model, or from where it stopped.

network-snapshot-000160.safetensors   weights after 160 kimg; fakes000160.png the same latents each time
training-state.pt                     from which `resume` goes on
log.jsonl                             one line of figures every half kimg
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from blendgan import __version__
from blendgan.ancestry import parent_of
from blendgan.images import grid, to_pictures, write_png
from blendgan.rendering import Setting, renderer_of
from stylegan2.checkpoints import fingerprint, save
from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, open_model
from stylegan2.train import Progress, TrainingConfig, open_dataset, train
from stylegan2.train.loader import Told
from stylegan2.train.snapshots import (
    STATE_FILE,
    checkpoint_to_state,
    load_state,
    save_state,
    state_to_checkpoint,
)
from stylegan2.train.state import TrainingState, new_state

LOG_FILE = "log.jsonl"
LOG_KIMG = 0.5  # between lines of the log
GRID_ROWS, GRID_COLUMNS = 4, 8  # pictures of a snapshot's grid: seeds 0 … 31
GRID_PSI = 0.7  # truncation of these pictures, as the shipped models are usually drawn


@dataclass(frozen=True, eq=False)
class Run:
    """A run about to go on: what moves, what stays, and where it comes from."""

    state: TrainingState
    config: TrainingConfig
    lineage: dict[str, Any]
    folder: Path | None = None  # where it stopped, for a run that is resumed


def begin(
    generator: GeneratorConfig, discriminator: DiscriminatorConfig, config: TrainingConfig, device: torch.device
) -> Run:
    """Start from random weights."""
    return Run(new_state(generator, discriminator, config, device), config, {})


def begin_transfer(model: ModelLike, config: TrainingConfig, device: torch.device) -> Run:
    """Start from a model's weights, at kimg 0.

    Raises CheckpointError if it has no discriminator, InputError for a model of a kind that cannot be trained here.
    """
    checkpoint = open_model(model)
    name = "in memory" if not isinstance(model, (str, Path)) else Path(model).stem
    _check_trainable(name, checkpoint)
    parent = parent_of(name, fingerprint(checkpoint), checkpoint)
    return Run(checkpoint_to_state(checkpoint, config, device), config, {"transfer": parent})


def resume(folder: Path, kimg: float | None, snapshot_kimg: float | None, device: torch.device) -> Run:
    """Go on with the run in a folder; only its end and its snapshots may change. Raises InputError if there is none."""
    state, config, lineage = load_state(folder, device, kimg, snapshot_kimg)
    return Run(state, config, lineage, folder)


def _check_trainable(name: str, checkpoint: Checkpoint) -> None:
    config = checkpoint.config
    height, width = config.image_size
    if config.num_classes or config.image_channels != 3 or not height == width == config.resolution:
        found = f"{config.num_classes} classes, pictures of {width}×{height} px, {config.image_channels} channels"
        raise InputError(f"{name}: found {found}; this trainer takes unconditional square RGB models; choose another")


def run_training(run: Run, data: Path, outdir: Path, told: Told | None = None) -> Iterator[Progress]:
    """Train, writing snapshots and log into `outdir`; yields after every batch. `told` hears of skipped pictures.

    Raises InputError for a folder without pictures, for an `outdir` that holds another run, and for a run that has
    nothing to do.
    """
    done = run.state.batches * run.config.batch / 1000
    if done >= run.config.kimg:
        raise InputError(f"kimg: found {run.config.kimg:g}, expected more than {done:g}, where the run is; choose more")
    pictures = open_dataset(data, run.state.generator.config.resolution, told=told)
    outdir.mkdir(parents=True, exist_ok=True)
    is_its_own = run.folder is not None and outdir.samefile(run.folder)
    if (outdir / STATE_FILE).exists() and not is_its_own:
        raise InputError(
            f"{outdir}: already holds a run; go on with it by --resume {outdir}, or choose another --outdir"
        )
    log = outdir / LOG_FILE
    _cut_log(log, run.state.batches * run.config.batch / 1000)
    every = max(round(LOG_KIMG * 1000 / run.config.batch), 1)
    for progress in train(run.state, pictures, run.config):
        if run.state.batches % every == 0 or progress.snapshot_due:
            _append(log, progress)
        if progress.snapshot_due:
            write_snapshot(run, data.name, outdir)
        yield progress


def write_snapshot(run: Run, data_name: str, outdir: Path) -> None:
    """Write weights, state and grid of a run as it stands."""
    kimg = round(run.state.batches * run.config.batch / 1000)
    training = {"data": data_name, "kimg": kimg, **asdict(run.config)}
    metadata = {"version": __version__, "training": training}
    if run.lineage:
        metadata["lineage"] = run.lineage
    licence = run.lineage.get("transfer", {}).get("licence")
    if licence is not None:
        metadata["licence"] = licence
    save(state_to_checkpoint(run.state, metadata), outdir / f"network-snapshot-{kimg:06d}.safetensors", replace=True)
    write_png(outdir / f"fakes{kimg:06d}.png", sample_grid(run.state.average))
    save_state(run.state, run.config, outdir, run.lineage)


def sample_grid(generator: Generator) -> Image.Image:
    """Return a picture of faces of seeds 0 … 31; models that are trained here have no classes."""
    renderer = renderer_of(generator, Setting(GRID_PSI, device=generator.device))
    pictures = to_pictures(renderer.draw_seeds(range(GRID_ROWS * GRID_COLUMNS)))
    rows = [pictures[i : i + GRID_COLUMNS] for i in range(0, len(pictures), GRID_COLUMNS)]
    return grid({" " * i: row for i, row in enumerate(rows)})


def _append(log: Path, progress: Progress) -> None:
    line = {key: value for key, value in asdict(progress).items() if key != "snapshot_due"}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _cut_log(log: Path, kimg: float) -> None:
    """Drop the lines that an interrupted run wrote after its last snapshot: they will be written again."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    with writing(log) as file:
        file.writelines(line.encode() + b"\n" for line in lines if _kimg_of(line) <= kimg)


def _kimg_of(line: str) -> float:
    """Return how far the run was at a line of its log; infinitely far for one that was only half written."""
    try:
        return float(json.loads(line)["kimg"])
    except (ValueError, TypeError, LookupError):
        return math.inf
