"""What a model file holds, as data: the rows behind `blendgan inspect MODEL`. Our own files are read without torch."""

from __future__ import annotations

import json
import math
from typing import Any

from blendgan.ancestry import SHOWN_DIGITS
from stylegan2.checkpoints import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint, fingerprint, fingerprint_mapping, load
from stylegan2.checkpoints.lazy import Description, describe, number_format
from stylegan2.config import GeneratorConfig
from stylegan2.store import resolve

TUNING = "tuning"  # what models with learned filters say of themselves (blendgan/tuning/generator_files.py)
SHOWN_APART = ("format", "lineage", "licence", TUNING)  # metadata that has rows of its own
BUFFERS = ("noise_const", "w_avg")  # tensors that training does not learn


def inspect(name_or_path: str) -> dict[str, str]:
    """Return label → text for a model, by path or shipped name. Raises CheckpointError or UnknownWeights."""
    path = resolve(name_or_path)
    return {"file": str(path), **describe_model(load(path))}


def describe_model(checkpoint: Checkpoint) -> dict[str, str]:
    """Return label → text: format, sizes, networks, parameters, lineage, licence, fingerprints."""
    metadata = checkpoint.metadata
    return {
        "format": str(metadata.get("format", "unknown")),
        **_sizes(checkpoint.config),
        "networks": ", ".join(networks(checkpoint)),
        "parameters": ", ".join(f"{name} {count:,}" for name, count in parameters(checkpoint).items()),
        "number format": ", ".join(
            sorted({number_format(dtype) for dtype, _ in describe(checkpoint.tensors).values()})
        ),
        **_tuning(metadata.get(TUNING)),
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
    tensors = describe(checkpoint.tensors)
    counts = {network: _count(tensors, prefix) for network, prefix in prefixes.items()}
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


def _count(tensors: Description, prefix: str) -> int:
    learned = (name for name in tensors if name.startswith(prefix) and not name.endswith(BUFFERS))
    return sum(math.prod(tensors[name][1]) for name in learned)


def _tuning(record: Any) -> dict[str, str]:
    """The row of a model with learned filters; others have none. A record of another form is shown as it is."""
    if record is None:
        return {}
    try:
        base, imitates = (
            f"{record[which]['name']} ({record[which]['fingerprint'][:SHOWN_DIGITS]} …)"
            for which in ("base", "imitates")
        )
        how = ", ".join(f"{name} {record[name]}" for name in ("groups", "variant"))
        trained = ", ".join(f"{name} {value}" for name, value in record["trained"].items())
        text = f"{base} with filters learned by {record['method']} ({how}) after {imitates}; {trained}"
    except (KeyError, TypeError, AttributeError):  # anyone may have written it
        text = _text(record)
    return {"learned filters": text}


def _text(value: Any) -> str:
    if value is None:
        return "not said"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
