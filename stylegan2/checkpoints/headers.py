"""The JSON header of our own files: the records of the networks, and metadata; checked field by field when read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.traits import ACTIVATIONS
from stylegan2.config import ARCHITECTURES, DiscriminatorConfig, GeneratorConfig, from_json, to_json
from stylegan2.errors import CheckpointError, UnknownFormat

FORMAT = "safetensors"
KEY = "blendgan"  # the one key of a file's metadata
VERSION = 1  # a reader refuses what is newer
PARTS = ("config", "discriminator", "metadata", "version")
MAX_COUNT = 1 << 20  # of features, classes, pixels: beyond any network
MAX_LAYERS = 1000  # of a mapping network

Config = TypeVar("Config", GeneratorConfig, DiscriminatorConfig)


def write_header(checkpoint: Checkpoint) -> str:
    """Return the header. A checkpoint of another format says there what it was converted from."""
    metadata = dict(checkpoint.metadata)
    origin = metadata.pop("format", FORMAT)
    if origin != FORMAT:
        metadata.setdefault("converted_from", origin)
    header = {
        "version": VERSION,
        "config": to_json(checkpoint.config),
        "discriminator": checkpoint.discriminator and to_json(checkpoint.discriminator),
        "metadata": {"format": FORMAT, **metadata},
    }
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_header(text: str | None) -> tuple[GeneratorConfig, DiscriminatorConfig | None, dict[str, Any]]:
    """Return the records and the metadata. Raises UnknownFormat without a header of ours, else CheckpointError."""
    if text is None:
        raise UnknownFormat(
            f"a safetensors file without our header ({KEY!r}), expected a StyleGAN2 model that blendgan wrote; "
            "convert the original .pkl or .pt instead (networks of other kinds are for `blendgan dni` and `tune`)"
        )
    header = _parsed(text)
    config = _record(GeneratorConfig, header["config"])
    given = header["discriminator"]
    discriminator = None if given is None else _record(DiscriminatorConfig, given)
    if not isinstance(header["metadata"], dict):
        raise CheckpointError("metadata: expected names and values; get the file again")
    return config, discriminator, header["metadata"]


def _parsed(text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"a damaged header ({error}), expected JSON; get the file again") from error
    if not isinstance(header, dict) or not header.keys() >= set(PARTS):
        raise CheckpointError(f"a damaged header, expected {', '.join(PARTS)}; get the file again")
    if header["version"] != VERSION:
        raise UnknownFormat(f"a file of version {header['version']!r}, expected {VERSION}; install a newer blendgan")
    return header


def _record(kind: type[Config], values: object) -> Config:
    """Build a record from values that anyone may have written. Raises CheckpointError for the first wrong one."""
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{kind.__name__}: found {type(values).__name__}, expected names and values")
    for field in fields(kind):
        if field.name in values and not _is_valid(field.name, str(field.type), values[field.name]):
            found = repr(values[field.name])[:60]
            raise CheckpointError(
                f"{kind.__name__}.{field.name}: found {found}, expected {field.type}; get the file again"
            )
    try:
        return from_json(kind, values)
    except TypeError as error:  # fields without a default
        raise CheckpointError(f"{kind.__name__}: {error}; get the file again") from error


def _is_valid(name: str, annotation: str, value: object) -> bool:
    check = BY_NAME.get(name) or BY_TYPE[annotation]
    return check(value)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= MAX_COUNT  # neither NaN nor infinity is


def _is_list(check: Callable[[object], bool], length: int | None = None) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and len(value) == (length or len(value)) and all(map(check, value))


BY_TYPE: dict[str, Callable[[object], bool]] = {  # a field's annotation -> what its value must be
    "int": _is_count,
    "float": _is_number,
    "float | None": lambda value: value is None or _is_number(value),
    "str": lambda value: isinstance(value, str),
    "tuple[int, ...]": _is_list(_is_count),
    "tuple[int, int]": _is_list(_is_count, 2),
    "tuple[float, ...]": _is_list(_is_number),
}
BY_NAME: dict[str, Callable[[object], bool]] = {
    "mapping_layers": lambda value: type(value) is int and 0 <= value <= MAX_LAYERS,
    "architecture": lambda value: value in ARCHITECTURES,
    "activation": lambda value: value in ACTIVATIONS,
    "mapping_activation": lambda value: value in ACTIVATIONS,
}
