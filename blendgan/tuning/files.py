"""A tuning's file: safetensors, whose metadata say method, training, and the main network's fingerprint."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blendgan import __version__
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from blendgan.tuning.forms import Form, build, read_form
from blendgan.tuning.tuning import Tuning
from stylegan2.checkpoints import native
from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.fingerprints import fingerprint
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch, UnknownFormat

KEY = "blendgan_tuning"  # of the metadata
OWN = "fingerprint"  # in it: of the tuning's own tensors
ENDING = ".safetensors"
SHORT = 12  # digits of a fingerprint in a message


@dataclass(frozen=True, eq=False)
class Main:
    """A main network: its file, and what runs it."""

    file: NetworkFile
    restorer: Restorer


@dataclass(frozen=True, eq=False)
class Tuned:
    """A tuning, its main network, its form, and what the file says of the training (levels of noise, steps, ...)."""

    main: Main
    tuning: Tuning
    form: Form
    trained: Mapping[str, Any] = field(default_factory=dict)
    name: str = "tuning"

    def to_json(self) -> dict[str, Any]:
        """What files and pictures say of it."""
        main = {"name": Path(self.main.file.name).name, "fingerprint": self.main.file.fingerprint}
        return {"version": __version__, **self.form.to_json(), "main": main, "trained": dict(self.trained)}


def open_main(model: str | os.PathLike[str], device: torch.device | None = None) -> Main:
    """Open a main network by path or shipped name. Raises InputError for a tuning's file, and as `recognise`."""
    file = open_network(model)
    if KEY in file.metadata:
        raise InputError(f"{file.name}: found a tuning, expected its main network; give that one first")
    restorer = recognise(file.tensors, file.name)
    return Main(file, restorer.to(device) if device is not None else restorer)


def save_tuned(tuned: Tuned, target: Path, *, replace: bool = False) -> None:
    """Write a tuning. Raises InputError as `check_target`."""
    check_target(target, replace=replace)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tuned.tuning.state_dict().items()}
    said = {**tuned.to_json(), OWN: fingerprint(tensors)}
    with writing(target) as file:
        native.write_tensors(file, tensors, {KEY: json.dumps(said, sort_keys=True)})


def save_main(network: torch.nn.Module, target: Path, trained: Mapping[str, Any], *, replace: bool = False) -> None:
    """Write a main network, with what is said of its training. Raises InputError as `check_target`."""
    check_target(target, replace=replace)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    said = {"blendgan_main": json.dumps({"version": __version__, "trained": dict(trained)}, sort_keys=True)}
    with writing(target) as file:
        native.write_tensors(file, tensors, said)


def check_target(target: Path, *, replace: bool) -> None:
    """Refuse a name before the work, not after it."""
    if target.suffix.lower() != ENDING:
        raise InputError(f"{target}: found the ending {target.suffix!r}, expected {ENDING}, the form that is written")
    if target.exists() and not replace:
        raise InputError(f"{target}: is there already; replace it with --force, or choose another name with -o")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target}: no such folder as {target.parent}; make it, or choose another place with -o")
    try:
        with tempfile.TemporaryFile(dir=target.absolute().parent):
            pass
    except OSError as error:
        raise InputError(f"{target}: no file can be written there ({error.strerror}); choose another place") from error


def open_tuned(tuning: str | os.PathLike[str], main: Main) -> Tuned:
    """Open a tuning of this main network.

    Raises UnknownFormat for a file that is no tuning, CheckpointError for one of another main network or with numbers
    that are none, and ShapeMismatch, which names the first tensor that does not fit.
    """
    if not Path(tuning).is_file():
        raise InputError(f"{tuning}: no such file; expected a tuning that `blendgan tune train` wrote")
    file = open_network(tuning)
    said = _said(file)
    _require_main(file, said, main)
    try:
        form = read_form(said)
    except CheckpointError as error:
        raise CheckpointError(f"{file.name}: {error}") from error
    tuned = build(main.restorer, form)
    _load(tuned, file)
    if OWN in said and said[OWN] != file.fingerprint:
        raise CheckpointError(f"{file.name}: its numbers are not those that were written, it is damaged; get it again")
    trained = said.get("trained")
    return Tuned(main, tuned, form, trained if isinstance(trained, dict) else {}, file.name)


def _said(file: NetworkFile) -> dict[str, Any]:
    if KEY not in file.metadata:
        raise UnknownFormat(f"{file.name}: no tuning, expected a file that `blendgan tune train` wrote")
    try:
        said = json.loads(file.metadata[KEY])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name}: its records are no JSON; train the tuning again") from error
    if not isinstance(said, dict):
        raise CheckpointError(
            f"{file.name}: found records of {type(said).__name__}, expected a tuning's; train it again"
        )
    return said


def _require_main(file: NetworkFile, said: Mapping[str, Any], main: Main) -> None:
    named = said.get("main")
    wanted = named if isinstance(named, dict) else {}
    expected, found = str(wanted.get("fingerprint", "")), main.file.fingerprint
    if expected != found:
        raise CheckpointError(
            f"{file.name}: was trained for the main network {str(wanted.get('name', 'unknown'))[:100]!r} (fingerprint "
            f"{expected[:SHORT]!r}), found {main.file.name} ({found[:SHORT]}); give its own main network, or train anew"
        )


def _load(tuning: Tuning, file: NetworkFile) -> None:
    wanted, found = tuning.state_dict(), dict(file.tensors)
    for name, tensor in wanted.items():
        there = found.get(name)
        if there is None or there.shape != tensor.shape or not there.is_floating_point():
            what = "it is missing" if there is None else f"found {there.dtype} {list(there.shape)}"
            raise ShapeMismatch(f"{file.name}: {name}: {what}, expected {list(tensor.shape)}; is the file whole?")
    left = [name for name in found if name not in wanted]
    if left:
        raise ShapeMismatch(f"{file.name}: found {left[0]}, which this tuning does not have; is it another's file?")
    _require_numbers(file.name, found)
    tuning.load_state_dict(found)


def _require_numbers(name: str, tensors: Mapping[str, Tensor]) -> None:
    for key, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name}: {key}: found NaN or infinities, expected numbers; train the tuning again")
