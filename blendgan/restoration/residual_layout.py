"""The residual denoiser, known by its keys: head, blocks.{i}.conv1|conv2, trunk, up, full, tail."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from blendgan.restoration.layouts import Layout
from blendgan.restoration.networks import Residual
from blendgan.restoration.restorer import Sizes
from stylegan2.errors import ShapeMismatch

BLOCK = re.compile(r"blocks\.(\d{1,4})\.conv[12]\.(?:weight|bias)")
IDENTIFYING = ("head.weight", "trunk.weight", "up.weight", "full.weight", "tail.weight")
MOST_MISSING = 1  # of the identifying keys: a damaged file is still ours, and told as such
# In px of the picture: head, tail and full reach 1 each, every convolution at half size 2; one more where pixels are
# shuffled.
REACH_AROUND, REACH_OF_BLOCK = 10, 4


def find_residual(tensors: Mapping[str, Tensor], name: str) -> Layout | None:
    """Return the layout of a residual denoiser's state dict; None where it is another network's.

    Raises ShapeMismatch where it clearly is one, but its first convolution is missing or of no possible shape.
    """
    numbers = [int(found[1]) for found in map(BLOCK.fullmatch, tensors) if found]
    missing = [key for key in IDENTIFYING if key not in tensors]
    if not numbers or len(missing) > MOST_MISSING:
        return None
    head = tensors.get("head.weight")
    if head is None or head.ndim != 4 or head.shape[1] not in (1, 3):
        found = "head.weight is missing" if head is None else f"head.weight: found {list(head.shape)}"
        raise ShapeMismatch(f"{name}: {found}, expected [width, 1 or 3, 3, 3] for a residual denoiser")
    (width, channels), blocks = head.shape[:2], max(numbers) + 1
    if blocks > len(tensors):
        raise ShapeMismatch(f"{name}: found blocks.{blocks - 1}, expected blocks numbered from 0 without gaps")
    network = Residual(channels, width, blocks)
    words = f"residual denoiser of {blocks} blocks of {width} channels"
    modules = {key.rpartition(".")[0]: key.rpartition(".")[0] for key in network.state_dict()}
    reach = REACH_AROUND + REACH_OF_BLOCK * blocks
    return Layout(network, words, channels, 1, reach, modules, Sizes(multiple=2))
