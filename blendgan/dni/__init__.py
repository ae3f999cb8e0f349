"""Deep network interpolation (Wang et al. 2018): the blend of any networks that share an ancestry."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blendgan.dni.mixing import interpolate as interpolate
    from blendgan.dni.network_files import open_network as open_network
    from blendgan.kinship import correlation as correlation

_LAZY = {  # imported on first use: they need torch
    "correlation": "blendgan.kinship",
    "interpolate": "blendgan.dni.mixing",
    "open_network": "blendgan.dni.network_files",
}

__all__ = ["correlation", "interpolate", "open_network"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
