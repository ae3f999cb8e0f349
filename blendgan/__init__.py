"""Blend StyleGAN2 models layer by layer, and render faces from real photos with the result."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blendgan import dni as dni
    from blendgan import recipe as recipe
    from blendgan import schedule as schedule
    from blendgan.blending import blend as blend
    from blendgan.toonification import toonify as toonify

__version__ = "0.1.0"
__all__ = ["__version__", "blend", "dni", "recipe", "schedule", "toonify"]

_LAZY = {"blend": "blendgan.blending", "toonify": "blendgan.toonification"}  # imported on first use: they need torch
_SUBMODULES = ("dni", "recipe", "schedule")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
