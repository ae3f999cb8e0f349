"""Which architecture a state dict belongs to: keys that identify it, and shapes that give its sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from blendgan.restoration.networks import Compact, DnCNN
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import UnknownFormat


def recognise(tensors: Mapping[str, Tensor], name: str) -> Restorer:
    """Return the network, float32 and in evaluation mode, with these tensors. Raises UnknownFormat with `name`."""
    if "conv.0.weight" in tensors:
        found = _dncnn(tensors)
    elif "body.0.weight" in tensors:
        found = _compact(tensors)
    else:
        raise UnknownFormat(f"{name}: no restoration network that we know")
    found.network.load_state_dict(dict(tensors))
    found.network.eval().requires_grad_(False)
    return found


def _dncnn(tensors: Mapping[str, Tensor]) -> Restorer:
    width, channels = tensors["conv.0.weight"].shape[:2]
    depth = sum(key.startswith("conv.") and key.endswith(".weight") for key in tensors)
    words = f"DnCNN, {depth} convolutions of {width} channels"
    return Restorer(DnCNN(channels, width, depth), words, channels, 1, depth)


def _compact(tensors: Mapping[str, Tensor]) -> Restorer:
    width, channels = tensors["body.0.weight"].shape[:2]
    last = max(int(key.split(".")[1]) for key in tensors)
    scale = math.isqrt(tensors[f"body.{last}.weight"].shape[0] // channels)
    words = f"compact super-resolution x{scale}, {last // 2 - 1} convolutions of {width} channels"
    return Restorer(Compact(channels, width, last // 2 - 1, scale), words, channels, scale, last // 2 + 1)
