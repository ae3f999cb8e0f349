"""A training run in a folder: from nothing, from another model, or from where it stopped; and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from blendgan.ancestry import parent_of
from blendgan.anchor import Anchor
from blendgan.control import Control, Notice
from blendgan.recording import BASE_FILE, Recorder
from stylegan2.checkpoints import fingerprint, load
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import Diverged, InputError
from stylegan2.loading import ModelLike, load_generator, open_model
from stylegan2.train import Dataset, Progress, TrainingConfig, open_dataset, processes, train
from stylegan2.train.data import PictureDataset, count_classes
from stylegan2.train.growing import grow
from stylegan2.train.loader import Told
from stylegan2.train.loop import kimg_of
from stylegan2.train.snapshots import STATE_FILE, checkpoint_to_state, load_state
from stylegan2.train.state import TrainingState, new_state
from stylegan2.train.step import require_fit


@dataclass(frozen=True, eq=False)
class Run:
    """A run about to go on: what moves, what stays, and where it comes from."""

    state: TrainingState
    config: TrainingConfig
    lineage: dict[str, Any]
    folder: Path | None = None  # where it stopped, for a run that is resumed
    base: Checkpoint | None = None  # the model that it came from, grown if it was to grow

    @property
    def is_finished(self) -> bool:
        """Whether it has shown as many pictures as it was to show."""
        return kimg_of(self.state, self.config) >= self.config.kimg


def begin(
    generator: GeneratorConfig, discriminator: DiscriminatorConfig, config: TrainingConfig, device: torch.device
) -> Run:
    """Start from random weights."""
    return Run(new_state(generator, discriminator, config, device), config, {})


def begin_transfer(
    model: ModelLike, config: TrainingConfig, device: torch.device, resolution: int | None = None
) -> Run:
    """Start from a model's weights, at kimg 0; with a larger `resolution` (px), from the model grown to it.

    Raises CheckpointError if it has no discriminator, InputError for a model of a kind that cannot be trained or grown.
    """
    checkpoint = open_model(model)
    name = "in memory" if not isinstance(model, (str, Path)) else Path(model).stem
    _check_trainable(name, checkpoint)
    parent = parent_of(name, fingerprint(checkpoint), checkpoint)
    if resolution is not None:
        checkpoint = grow(checkpoint, resolution, config.seed)
    return Run(checkpoint_to_state(checkpoint, config, device), config, {"transfer": parent}, base=checkpoint)


def resume(folder: Path, kimg: float | None, snapshot_kimg: float | None, device: torch.device) -> Run:
    """Go on with the run in a folder; only its end and its snapshots may change. Raises InputError if there is none."""
    state, config, lineage = load_state(folder, device, kimg, snapshot_kimg)
    base = folder / BASE_FILE
    return Run(state, config, lineage, folder, load(base) if base.is_file() else None)


def resolution_of(model: ModelLike) -> int:
    """Return the resolution of a model in px."""
    return open_model(model).config.resolution


def classes_in(data: Path) -> int:
    """Return the number of classes that a model of some labelled data has. Raises InputError if there are no labels."""
    found = count_classes(data)
    if not found:
        raise InputError(
            f"{data}: found no labels, which --cond needs; leave it out, or label the pictures, by "
            "`blendgan dataset --labels folders` for instance"
        )
    return found


def holds_run(folder: Path) -> bool:
    """Whether a folder holds a run to go on with."""
    return (folder / STATE_FILE).is_file()


def require_same(
    run: Run, config: TrainingConfig, networks: tuple[GeneratorConfig, DiscriminatorConfig] | None
) -> None:
    """Raise InputError where a run was begun with other numbers, or other networks if any are given.

    Its end and its snapshots may differ.
    """
    was = asdict(run.config) | {"networks": (run.state.generator.config, run.state.discriminator.config)}
    now = asdict(config) | {"networks": networks or was["networks"]}
    for name in was.keys() - {"kimg", "snapshot_kimg"}:
        if was[name] != now[name]:
            raise InputError(
                f"{name}: found {now[name]}, expected {was[name]}, with which the run was begun; say that again, or "
                "choose another --outdir"
            )


def require_same_origin(run: Run, model: ModelLike | None) -> None:
    """Raise InputError where a run came from another model than this one; None: from nothing."""
    was = run.lineage.get("transfer", {})
    now = None if model is None else fingerprint(open_model(model))
    if now != was.get("fingerprint"):
        found = model if isinstance(model, (str, Path)) else "none" if model is None else "a model in memory"
        raise InputError(
            f"from: found {found}, expected {was.get('name', 'none')}, from which the run "
            "was begun; say that again, or choose another --outdir"
        )


def _check_trainable(name: str, checkpoint: Checkpoint) -> None:
    config = checkpoint.config
    height, width = config.image_size
    if config.image_channels != 3 or not height == width == config.resolution:
        found = f"pictures of {width}×{height} px, {config.image_channels} channels"
        raise InputError(f"{name}: found {found}; this trainer takes square RGB models; choose another")


def open_data(run: Run, data: Path, told: Told | None = None) -> PictureDataset:
    """Open a folder or zip for a run; `told` hears of pictures that are skipped, in the first of several processes.

    Raises InputError for a folder without pictures, and as `open_dataset` does.
    """
    return open_dataset(data, run.state.generator.config.resolution, told=told if processes.is_first() else None)


def run_training(
    run: Run, data: Path | PictureDataset, outdir: Path, control: Control = Control(), told: Told | None = None
) -> Iterator[Progress | Notice]:
    """Train, writing snapshots and log into `outdir`; yields after every batch, and a Notice of what befalls the run.

    data: a folder or zip, or what `open_data` made of it, which has told already. Of several processes the first
    writes. A run ends at its kimg, where its goal says so, or, its state saved, after the batch in which a stop is
    requested. One whose numbers are no longer finite goes back to its last state. Raises InputError for a folder
    without pictures, or without the model's classes, for a batch that cannot be cut, for an `outdir` that holds another
    run, and for a run that has nothing to do; Diverged for one that comes to NaN again and again.
    """
    if run.is_finished:
        done = kimg_of(run.state, run.config)
        raise InputError(f"kimg: found {run.config.kimg:g}, expected more than {done:g}, where the run is; choose more")
    pictures = data if isinstance(data, PictureDataset) else open_data(run, data, told)
    require_fit(run.state, run.config, pictures)
    term = _anchor_of(run)
    _refuse_another(run, outdir)
    processes.wait(run.state.generator.device)  # all have looked into the folder before the first writes there
    recorder = Recorder(run.state, run.config, run.lineage, pictures.name, outdir, control, run.base)
    try:
        recorder.open(pictures)
        yield from _train_on(run, pictures, recorder, term)
    finally:
        recorder.close()


def _train_on(run: Run, pictures: Dataset, recorder: Recorder, term: Anchor | None) -> Iterator[Progress | Notice]:
    """Train to the end, whatever that is, from as many states as it takes."""
    why = recorder.why_over()
    while why is None and not run.is_finished:
        try:
            for progress in train(run.state, pictures, run.config, term):
                recorder.record(progress)
                yield progress
                why = _why_end(recorder, progress)
                if why is not None:
                    break
        except Diverged as problem:
            yield Notice(recorder.kimg, recorder.roll_back(problem))
    if why is not None:
        yield Notice(recorder.kimg, why)


def _anchor_of(run: Run) -> Anchor | None:
    if not run.config.anchor:
        return None
    if run.base is None:
        raise InputError("anchor: found a run that came from no model; expected a transfer, by --from MODEL")
    base = load_generator(run.base).to(run.state.generator.device)
    return Anchor(base, run.config.anchor_swaps, run.config.anchor)


def _why_end(recorder: Recorder, progress: Progress) -> str | None:
    """Return the line that says why the run ends after this batch, None where it goes on."""
    if processes.is_any(recorder.control.stop_requested(), recorder.state.generator.device):
        recorder.save()
        return f"stopped at {recorder.kimg:g} kimg, all saved; go on by --resume {recorder.folder}"
    return recorder.why_over() if progress.snapshot_due else None


def _refuse_another(run: Run, outdir: Path) -> None:
    is_its_own = run.folder is not None and outdir.exists() and outdir.samefile(run.folder)
    if holds_run(outdir) and not is_its_own:
        raise InputError(
            f"{outdir}: already holds a run; go on with it by --resume {outdir}, or choose another --outdir"
        )


def write_snapshot(run: Run, data_name: str, outdir: Path) -> None:
    """Write weights, grid and state of a run as it stands."""
    recorder = Recorder(run.state, run.config, run.lineage, data_name, outdir)
    recorder.write_weights()
    recorder.save()
