"""Hyper-parameters as a file's keyword arguments give them: values of any type, until they are checked here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from stylegan2.errors import CheckpointError

ACTIVATIONS = ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish")


def number(value: object, name: str) -> float:
    """Return a finite number. Raises CheckpointError for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise CheckpointError(f"{name}: found {_shown(value)}, expected a number")
    return float(value)


def clamp(value: object) -> float | None:
    """Return a bound of activations; None and negative numbers mean that there is none."""
    return None if value is None or number(value, "conv_clamp") < 0 else number(value, "conv_clamp")


def group(value: object) -> int:
    """Return a minibatch group; None means the whole batch, our 0."""
    return 0 if value is None else int(number(value, "minibatch group"))


def activation(value: object) -> str:
    """Return the name of an activation. Raises CheckpointError for one that we do not have."""
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise CheckpointError(f"activation: found {_shown(value)}, expected one of {', '.join(ACTIVATIONS)}")
    return value


def filter_taps(value: object) -> tuple[float, ...]:
    """Return a 1-D filter."""
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= 64:
        raise CheckpointError(f"resampling filter: found {_shown(value)}, expected a list of up to 64 numbers")
    return tuple(number(tap, "resampling filter") for tap in value)


READERS: dict[str, Callable[[object], Any]] = {
    "conv_clamp": clamp,
    "minibatch_group": group,
    "activation": activation,
    "mapping_activation": activation,
    "fir": filter_taps,
    "lr_multiplier": partial(number, name="lr_multiplier"),
    "w_avg_decay": partial(number, name="w_avg_decay"),
}


def read_traits(values: Mapping[str, object]) -> dict[str, Any]:
    """Return fields of a record, checked, from a file's values under our field names."""
    return {name: READERS[name](value) for name, value in values.items()}


def single(values: Iterable[object], name: str) -> list[object]:
    """Return [value], or [] where there is none. Raises CheckpointError where layers differ."""
    kept: list[object] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in kept):
            kept.append(value)
    if len(kept) > 1:
        found = " and ".join(_shown(value) for value in kept[:3])
        raise CheckpointError(f"{name}: found layers with {found}, expected one value for all of them")
    return kept


def _shown(value: object) -> str:
    return repr(value)[:60] if isinstance(value, (str, int, float, type(None))) else type(value).__name__
