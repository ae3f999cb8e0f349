"""Model files of every StyleGAN2 dialect, read as data. Arithmetic on tensors only; no network code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX as DISCRIMINATOR_PREFIX
    from stylegan2.checkpoints.checkpoint import RAW_PREFIX as RAW_PREFIX
    from stylegan2.checkpoints.checkpoint import Checkpoint as Checkpoint
    from stylegan2.checkpoints.fingerprints import fingerprint as fingerprint
    from stylegan2.checkpoints.fingerprints import fingerprint_mapping as fingerprint_mapping
    from stylegan2.checkpoints.native import save as save
    from stylegan2.checkpoints.readers import load as load
    from stylegan2.checkpoints.readers import load_bytes as load_bytes
    from stylegan2.checkpoints.shapes import check_shapes as check_shapes
    from stylegan2.checkpoints.shapes import expected_shapes as expected_shapes

_LAZY = {  # imported on first use: foreign files need torch
    "Checkpoint": "stylegan2.checkpoints.checkpoint",
    "DISCRIMINATOR_PREFIX": "stylegan2.checkpoints.checkpoint",
    "RAW_PREFIX": "stylegan2.checkpoints.checkpoint",
    "check_shapes": "stylegan2.checkpoints.shapes",
    "expected_shapes": "stylegan2.checkpoints.shapes",
    "fingerprint": "stylegan2.checkpoints.fingerprints",
    "fingerprint_mapping": "stylegan2.checkpoints.fingerprints",
    "load": "stylegan2.checkpoints.readers",
    "load_bytes": "stylegan2.checkpoints.readers",
    "save": "stylegan2.checkpoints.native",
}

__all__ = [
    "Checkpoint",
    "DISCRIMINATOR_PREFIX",
    "RAW_PREFIX",
    "check_shapes",
    "expected_shapes",
    "fingerprint",
    "fingerprint_mapping",
    "load",
    "load_bytes",
    "save",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
