"""What a model file holds, and what two have in common, as data: the rows behind `blendgan inspect`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from blendgan.kinship import FAILS_BELOW, WORKS_FROM, Kinship, Row, compare
from blendgan.plots import Chart, Line
from stylegan2.checkpoints import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint, fingerprint, fingerprint_mapping, load
from stylegan2.config import GeneratorConfig
from stylegan2.store import resolve

SHOWN_APART = ("format", "lineage", "licence")  # metadata that has rows of its own
BUFFERS = ("noise_const", "w_avg")  # tensors that training does not learn


def inspect(name_or_path: str) -> dict[str, str]:
    """Return label → text for a model, by path or shipped name. Raises CheckpointError or UnknownWeights."""
    path = resolve(name_or_path)
    return {"file": str(path), **describe(load(path))}


def inspect_pair(base: str, transfer: str) -> Kinship:
    """Compare two models, by path or shipped name; see `kinship.compare`. Raises CheckpointError or UnknownWeights."""
    return compare(load(resolve(base)), load(resolve(transfer)))


def kinship_rows(kinship: Kinship) -> list[tuple[str, str, str]]:
    """Return the table of two models: a heading, then part, correlation and distance, from coarse to fine."""
    heading = ("part", "correlation of filters", "change of weights")
    return [heading, *((_part(row), f"{row.correlation:.3f}", f"{row.distance:.1%}") for row in kinship.rows)]


def sentences(kinship: Kinship) -> list[str]:
    """Return the verdict, its reason, and what else is to be known, each in one line."""
    first, *more = kinship.differences or (None,)
    if first is not None:
        others = f" (and {len(more)} more)" if more else ""
        reason = f"{first.what}: BASE has {first.base}, TRANSFER {first.transfer}{others}"
        reason += "; train TRANSFER from this BASE, or choose the BASE that it was trained from"
    else:
        reason = (
            f"filters correlate by {kinship.correlation:.3f} (under {FAILS_BELOW}: no blend; {WORKS_FROM} and up: good)"
        )
    return [f"{kinship.verdict}: {reason}", *kinship.lineage, *kinship.notes]


def kinship_json(kinship: Kinship) -> dict[str, Any]:
    """Return the comparison and its thresholds as plain JSON values; what is no number is null."""
    values = asdict(kinship) | {"thresholds": {"fails_below": FAILS_BELOW, "works_from": WORKS_FROM}}
    numbers = ("correlation", "distance")
    values["rows"] = [row | {key: _finite(row[key]) for key in numbers} for row in values["rows"]]
    return values


def kinship_chart(kinship: Kinship, title: str) -> Chart:
    """Return the table as a chart over the resolutions; one without lines where the models cannot be compared."""
    rows = [(row.resolution, row) for row in kinship.rows if row.resolution is not None]
    lines = (
        Line("correlation", tuple((resolution, row.correlation) for resolution, row in rows)),
        Line("change of weights", tuple((resolution, row.distance) for resolution, row in rows)),
    )
    marks = {f"blends well from {WORKS_FROM}": WORKS_FROM, f"fails below {FAILS_BELOW}": FAILS_BELOW}
    return Chart(title, lines if rows else (), marks)


def describe(checkpoint: Checkpoint) -> dict[str, str]:
    """Return label → text: format, sizes, networks, parameters, lineage, licence, fingerprints."""
    metadata = checkpoint.metadata
    return {
        "format": str(metadata.get("format", "unknown")),
        **_sizes(checkpoint.config),
        "networks": ", ".join(networks(checkpoint)),
        "parameters": ", ".join(f"{name} {count:,}" for name, count in parameters(checkpoint).items()),
        "number format": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in checkpoint.tensors.values()})),
        "lineage": _text(metadata.get("lineage")),
        "licence": _text(metadata.get("licence")),
        "also says": ", ".join(sorted(set(metadata) - set(SHOWN_APART))) or "nothing",
        "fingerprint": fingerprint(checkpoint),
        "fingerprint of mapping": fingerprint_mapping(checkpoint),
    }


def networks(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return which networks are there."""
    names = checkpoint.tensors.keys()
    found = {
        "generator": True,
        "generator without moving average": any(name.startswith(RAW_PREFIX) for name in names),
        "discriminator": any(name.startswith(DISCRIMINATOR_PREFIX) for name in names),
    }
    return tuple(network for network, there in found.items() if there)


def parameters(checkpoint: Checkpoint) -> dict[str, int]:
    """Return network → count of learned numbers; noise buffers and the mean w are none."""
    prefixes = {"mapping": "mapping.", "synthesis": "synthesis.", "discriminator": DISCRIMINATOR_PREFIX}
    counts = {network: _count(_under(prefix, checkpoint.tensors)) for network, prefix in prefixes.items()}
    return {network: count for network, count in counts.items() if count}


def _sizes(config: GeneratorConfig) -> dict[str, str]:
    height, width = config.image_size
    return {
        "resolution": f"{width} x {height} px",
        "architecture": config.architecture,
        "channels": ", ".join(f"{r}: {config.channels_at(r)}" for r in config.resolutions),
        "latents": f"z {config.z_dim}, w {config.w_dim}, {config.num_ws} styles",
        "mapping layers": str(config.mapping_layers),
        "classes": str(config.num_classes or "none"),
        "activations clamped": "no" if config.conv_clamp is None else f"± {config.conv_clamp:g}",
    }


def _part(row: Row) -> str:
    return "mapping" if row.resolution is None else f"{row.resolution} px"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensors[name] for name in tensors if name.startswith(prefix)}


def _count(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for name, tensor in tensors.items() if not name.endswith(BUFFERS))


def _text(value: Any) -> str:
    if value is None:
        return "not said"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
