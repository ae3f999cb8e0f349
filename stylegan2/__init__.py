"""A port of the StyleGAN2 networks, and the files that hold them; knows nothing of blending."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylegan2 import checkpoints as checkpoints
    from stylegan2 import config as config
    from stylegan2 import errors as errors
    from stylegan2 import ops as ops
    from stylegan2 import sites as sites
    from stylegan2 import store as store
    from stylegan2.loading import load_discriminator as load_discriminator
    from stylegan2.loading import load_generator as load_generator

_LAZY = {  # imported on first use: most of them need torch
    "load_discriminator": "stylegan2.loading",
    "load_generator": "stylegan2.loading",
}
_SUBMODULES = ("checkpoints", "config", "errors", "ops", "sites", "store")

__all__ = ["checkpoints", "config", "errors", "load_discriminator", "load_generator", "ops", "sites", "store"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
