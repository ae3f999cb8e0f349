"""Photo crop -> w in a few passes of a small network: the short cut beside optimisation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from projector.encoders.files import encoder_for as encoder_for
    from projector.encoders.files import load_encoder as load_encoder
    from projector.encoders.files import require_family as require_family
    from projector.encoders.files import save_encoder as save_encoder
    from projector.encoders.network import Encoder as Encoder
    from projector.encoders.network import EncoderConfig as EncoderConfig

_LAZY = {  # imported on first use: both need torch
    "Encoder": "projector.encoders.network",
    "EncoderConfig": "projector.encoders.network",
    "encoder_for": "projector.encoders.files",
    "load_encoder": "projector.encoders.files",
    "require_family": "projector.encoders.files",
    "save_encoder": "projector.encoders.files",
}

__all__ = ["Encoder", "EncoderConfig", "encoder_for", "load_encoder", "require_family", "save_encoder"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
