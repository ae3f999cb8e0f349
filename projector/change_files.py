"""A change of weights (projector/tuning.py) as a file: safetensors in fp16, which says what it was made for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from projector.latent import family
from stylegan2.checkpoints import fingerprint
from stylegan2.checkpoints.atomic import write_unless_other
from stylegan2.errors import InputError, WrongGenerator
from stylegan2.generator import Generator

KEY = "blendgan.change"  # of the JSON in the file's metadata: several keys would be written in any order
FORMAT = "blendgan change 1"
LARGEST = 65504.0  # of fp16


def rounded(change: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The change as the file will hold it, so that pictures drawn now and from the file are the same.

    Raises InputError for numbers that fp16 does not hold: the tuning has come to nothing.
    """
    if not all(bool((delta.abs() <= LARGEST).all()) for delta in change.values()):  # NaN fails too
        raise InputError("change: found numbers beyond fp16 or NaN; tune with fewer steps or a lower rate")
    return {name: delta.half().float() for name, delta in change.items()}


def save_change(change: Mapping[str, Tensor], base: Generator, path: Path, *, replace: bool = False) -> None:
    """Write a change of BASE. Raises InputError if another file is there already; the very same is left as it is."""
    tensors = {name: delta.half().cpu().contiguous() for name, delta in sorted(change.items())}
    said = {"format": FORMAT, "mapping": base.mapping_fingerprint, "base": fingerprint(base.state_dict())}
    contents = safetensors.torch.save(tensors, metadata={KEY: json.dumps(said)})
    write_unless_other(path, contents, "file", replace=replace)


def load_change(path: Path, base: Generator) -> dict[str, Tensor]:
    """Read a change of BASE, or of a model of its family, as float32.

    Raises InputError for a file that is none, WrongGenerator for a change of another family.
    """
    try:
        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {}).get(KEY, "{}"))
            change = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  # no mapping
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a change of weights as --tune writes it") from error
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected a change of weights as --tune writes it"
        ) from error
    if said.get("format") != FORMAT or not all(bool(delta.isfinite().all()) for delta in change.values()):
        raise InputError(
            f"{path}: found format {said.get('format')!r}, expected {FORMAT!r} and finite numbers; tune the photo again"
        )
    if said.get("mapping") not in set(family(base)):
        raise WrongGenerator(
            f"{path}: belongs to the mapping network {str(said.get('mapping'))[:12]}…, BASE has "
            f"{base.mapping_fingerprint[:12]}…; tune the photo with this BASE"
        )
    return change
