"""Encoders in files: safetensors, with the sizes and the mapping network that they belong to; and by name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from projector.encoders.network import Encoder, EncoderConfig
from stylegan2 import store
from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.native import StoredTensors
from stylegan2.errors import BlendganError, CheckpointError, WrongGenerator

KEY = "blendgan.encoder"  # of the JSON in the file's metadata
ADVICE = "expected an encoder that `blendgan train-encoder` wrote"


def save_encoder(encoder: Encoder, path: Path, said: Mapping[str, Any] | None = None) -> None:
    """Write an encoder in fp16, whole or not at all; `said` are plain values on how it came about.

    A file of that name is replaced. Raises InputError where it cannot be written.
    """
    from safetensors.torch import save  # written by training alone

    header = {**(said or {}), "config": asdict(encoder.config), "mapping": encoder.mapping}
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in encoder.state_dict().items()}
    with writing(path) as file:
        file.write(save(tensors, {KEY: json.dumps(header)}))


def load_encoder(name_or_path: str | os.PathLike[str]) -> Encoder:
    """Return the encoder of a file or of the manifest, ready to encode, on the CPU.

    Raises UnknownWeights, and CheckpointError for a file that holds none or is damaged.
    """
    path = store.resolve(name_or_path, "encoder")
    try:
        tensors = StoredTensors.of_file(path)
        header = json.loads(tensors.metadata[KEY])
        numbers = header["config"]
        config = EncoderConfig(**{**numbers, "channels": tuple(numbers["channels"])})
        encoder = Encoder(config)
        encoder.mapping = str(header["mapping"])
        encoder.load_state_dict({name: tensors[name].float() for name in tensors}, assign=True)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, BlendganError) as error:
        raise CheckpointError(f"{path}: holds no encoder that can be read ({_line(error)}); {ADVICE}") from error
    return encoder.eval().requires_grad_(False)


def require_family(encoder: Encoder, name: str, mappings: Iterable[str]) -> Encoder:
    """Return the encoder, if it belongs to one of these mapping networks. Raises WrongGenerator."""
    known = tuple(mappings)
    if encoder.mapping not in known:
        raise WrongGenerator(
            f"{name}: belongs to the mapping network {encoder.mapping[:12]}…, the model's family has "
            f"{', '.join(mapping[:12] + '…' for mapping in known)}; train one by `blendgan train-encoder`"
        )
    return encoder


def encoder_for(mappings: Iterable[str]) -> Encoder | None:
    """Return the encoder of the manifest that belongs to one of these mapping networks, the first first; None is none.

    `mappings`: fingerprints, as `projector.latent.family` yields them.
    """
    entry = store.companion("encoder", mappings)
    return None if entry is None else load_encoder(entry.name)


def _line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"its header has no {error}"
    return " ".join(str(error).split())[:200] or type(error).__name__
