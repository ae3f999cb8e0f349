"""A run that trains an encoder, in a folder: begun or gone on with, recorded, and its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from blendgan import __version__
from blendgan.projection import crop_size
from blendgan.sources import Source, open_source
from projector.encoders.course_files import STATE_FILE, load_course, save_course
from projector.encoders.files import save_encoder
from projector.encoders.network import SMALLEST_PX, EncoderConfig
from projector.encoders.training import Course, EncoderStep, EncoderTraining, new_encoder, train_encoder
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError, WrongGenerator
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_discriminator, load_generator
from stylegan2.train.data import Dataset, open_dataset

ENCODER_FILE = "encoder.safetensors"
LOG_FILE = "encoder-log.jsonl"
LOG_EVERY = 25  # batches; a line holds their means
WIDTHS = {4: 256, 8: 128, 16: 64, 32: 32}  # channels of the maps of so many px; larger ones have the last
LARGEST_INPUT_PX = 64  # larger crops are reduced: at 128 px training took twice as long


@dataclass(frozen=True, eq=False)
class EncoderRun:
    """A course about to go on, and the networks that it needs."""

    course: Course
    generator: Generator
    discriminator: Discriminator | None
    source: Source


def begin_encoder(model: ModelLike, config: EncoderTraining, device: torch.device) -> EncoderRun:
    """Start an encoder for a model (path, name or Checkpoint) from nothing.

    A model without a discriminator is learned by pixels alone. Raises InputError where its pictures are not square.
    """
    source, generator, discriminator = _networks(model, device)
    encoder = new_encoder(generator, sizes_for(generator), config.seed).to(device)
    return EncoderRun(Course(encoder, config), generator, discriminator, source)


def resume_encoder(model: ModelLike, folder: Path, kimg: float | None, device: torch.device) -> EncoderRun:
    """Go on with the run in a folder, to its end or another. Raises WrongGenerator where it is of another model."""
    source, generator, discriminator = _networks(model, device)
    course = load_course(folder, device, kimg)
    if course.encoder.mapping != generator.mapping_fingerprint:
        raise WrongGenerator(
            f"{folder}: its encoder belongs to the mapping network {course.encoder.mapping[:12]}…, {source.name} has "
            f"{generator.mapping_fingerprint[:12]}…; name the model that the run was begun with"
        )
    return EncoderRun(course, generator, discriminator, source)


def sizes_for(generator: Generator) -> EncoderConfig:
    """Return the sizes of an encoder of a generator: it sees what it draws, reduced to 64 px."""
    input_px = min(LARGEST_INPUT_PX, crop_size(generator))
    maps = [SMALLEST_PX << i for i in range((input_px // SMALLEST_PX).bit_length() - 1)]
    if not maps:
        raise InputError(f"encoder: the model makes pictures of {input_px} px, expected at least {2 * SMALLEST_PX} px")
    config = generator.config
    channels = tuple(WIDTHS.get(px, WIDTHS[32]) for px in reversed(maps))
    return EncoderConfig(config.num_ws, config.w_dim, input_px, channels)


def run_encoder(
    run: EncoderRun,
    data: Path,
    outdir: Path,
    snapshot_batches: int,
    stop_requested: Callable[[], bool] = lambda: False,
    told: Callable[[str], None] | None = None,
) -> Iterator[EncoderStep]:
    """Train to the end, or until stopped; yields after every batch.

    `outdir` gets encoder.safetensors, the state to go on from, and a log, every so many batches and at the end.
    Raises InputError for data that cannot be used, and for a folder that holds another run.
    """
    outdir.mkdir(parents=True, exist_ok=True)
    if (outdir / STATE_FILE).exists() and not run.course.batches:
        raise InputError(f"{outdir}: holds a run already; go on with it by --resume, or choose another --outdir")
    pictures: Dataset = open_dataset(data, crop_size(run.generator), told=told)
    recent: list[EncoderStep] = []
    for step in train_encoder(run.course, pictures, run.generator, run.discriminator):
        recent.append(step)
        is_last = step.index == step.total or stop_requested()
        if len(recent) == LOG_EVERY or is_last:
            _log(recent, run.course.config, outdir)
            recent = []
        if step.index % snapshot_batches == 0 or is_last:
            _save(run, data, outdir)
        yield step
        if is_last:
            return


def _networks(model: ModelLike, device: torch.device) -> tuple[Source, Generator, Discriminator | None]:
    source = open_source(model)
    discriminator = load_discriminator(source.checkpoint).to(device) if source.checkpoint.discriminator else None
    return source, load_generator(source.checkpoint).to(device), discriminator


def _save(run: EncoderRun, data: Path, outdir: Path) -> None:
    said: dict[str, Any] = {
        "version": __version__,
        "model": {"name": Path(run.source.name).name, "fingerprint": run.source.fingerprint},
        "data": data.name,
        "kimg": run.course.batches * run.course.config.batch / 1000,
        "training": asdict(run.course.config),
        "licence": run.source.checkpoint.metadata.get("licence"),
    }
    save_encoder(run.course.average, outdir / ENCODER_FILE, said)
    save_course(run.course, outdir)


def _log(steps: list[EncoderStep], config: EncoderTraining, outdir: Path) -> None:
    line = {
        "kimg": round(steps[-1].index * config.batch / 1000, 3),
        "distance_real": round(sum(step.real for step in steps) / len(steps), 4),
        "distance_own": round(sum(step.own for step in steps) / len(steps), 4),
    }
    with (outdir / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
