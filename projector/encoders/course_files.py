"""The state of an encoder's training in a file, from which it goes on to the same bits."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from projector.encoders.network import Encoder, EncoderConfig
from projector.encoders.training import Course, EncoderTraining
from projector.perceptual import Weights
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

STATE_FILE = "encoder-state.pt"
PARTS = ("encoder", "average", "optimizer")
DAMAGED = (
    OSError, RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError,
    zipfile.BadZipFile,
)  # fmt: skip


def save_course(course: Course, folder: Path) -> None:
    """Write the state into the folder, whole or not at all. Raises InputError where it cannot be written."""
    contents: dict[str, Any] = {name: getattr(course, name).state_dict() for name in PARTS}
    contents |= {"sizes": asdict(course.encoder.config), "training": asdict(course.config)}
    contents |= {"batches": course.batches, "mapping": course.encoder.mapping}
    with writing(folder / STATE_FILE) as file:
        torch.save(contents, file)


def load_course(folder: Path, device: torch.device, kimg: float | None = None) -> Course:
    """Return the course in a folder; only its length may change. Raises InputError if there is none to be read."""
    file = folder / STATE_FILE
    try:
        contents = torch.load(file, map_location="cpu", weights_only=True)  # data: nothing in the file is executed
        course = _course_of(contents, device)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: found no {STATE_FILE}; expected the folder of an earlier run") from error
    except DAMAGED as error:
        raise InputError(
            f"{file}: cannot be read ({type(error).__name__}), expected the whole state of a run; begin a new one"
        ) from error
    if kimg is not None:
        course.config = replace(course.config, kimg=kimg)
    return course


def _course_of(contents: dict[str, Any], device: torch.device) -> Course:
    training = {**contents["training"], "weights": Weights(**contents["training"]["weights"])}
    encoder = Encoder(EncoderConfig(**contents["sizes"])).to(device)
    encoder.mapping = contents["mapping"]
    course = Course(encoder, EncoderTraining(**training))
    for name in PARTS:
        getattr(course, name).load_state_dict(contents[name])
    course.average.mapping = encoder.mapping
    course.batches = contents["batches"]
    return course
