"""VGG-19 (Simonyan & Zisserman 2015) as far as its relu 5_1, on torchvision's file of weights, if there is one.

Only the file is torchvision's; its tensors' names and order are all that is needed of it, so the package itself, which
must fit the torch that is installed, is not. Nothing is downloaded here.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan2.errors import InputError
from stylegan2.store import sha256_of

FILE = "vgg19-dcbb9e9d.pth"  # the eight digits begin its SHA-256, as torch hub names files
SOURCE = f"https://download.pytorch.org/models/{FILE}"
# Convolutions by their numbers in the file: features.{n}.weight [out, in, 3, 3] and .bias; blocks begin by halving.
BLOCKS = ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28,))
TAKEN = (10, 19, 28)  # relu 3_1, 4_1, 5_1: the first of the last three blocks (Upchurch et al., section 3)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1], for these weights
SIZE_PX = 200  # what the paper enlarges small pictures to (section 3)
SMALLEST_PX = 16  # the trunk halves four times, without its rim where a side is odd,
MULTIPLE_PX = 8  # … as the last time of the paper's 200


class VggTrunk(nn.Module):
    """The convolutions up to conv 5_1, of any widths, as the tensors have them."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for number in (n for block in BLOCKS for n in block):
            weight = tensors[f"features.{number}.weight"]
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
            conv.load_state_dict({"weight": weight, "bias": tensors[f"features.{number}.bias"]})
            self.add_module(f"conv{number}", conv)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Pictures [N, 3, H, W] in [-1, 1] -> relu 3_1 [N, C, H/4, W/4], 4_1 [… H/8 …], 5_1 [… H/16 …]."""
        x = ((pictures + 1) / 2 - self.get_buffer("mean")) / self.get_buffer("deviation")
        taken = []
        for i, block in enumerate(BLOCKS):
            x = F.max_pool2d(x, 2) if i else x
            for number in block:
                x = F.relu(self.get_submodule(f"conv{number}")(x))
                if number in TAKEN:
                    taken.append(x)
        return taken


class VggLayers:
    """The paper's features; see `features.Layers`."""

    name = "vgg19"
    size_px = SIZE_PX
    multiple = MULTIPLE_PX
    smallest_px = SMALLEST_PX

    def __init__(self, network: VggTrunk, fingerprint: str) -> None:
        self.network: nn.Module = network
        self.fingerprint = fingerprint

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """As the protocol has it."""
        taken: list[Tensor] = self.network(pictures)
        return taken


def find_vgg() -> Path:
    """Return where VGG-19's file would be: in torch hub's cache."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


def open_vgg(file: Path) -> VggLayers:
    """Return the features on a file of weights, read as tensors alone.

    Raises InputError for a file that is missing, broken, or no VGG-19.
    """
    if not file.is_file():
        raise InputError(
            f"{file}: found no VGG-19 weights; fetch {SOURCE} and put it there, or take a discriminator's features: "
            "--features portraits"
        )
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
        trunk = VggTrunk(tensors)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{file}: not VGG-19's weights as torchvision has them ({reason}); fetch {SOURCE}") from error
    return VggLayers(trunk.eval().requires_grad_(False), sha256_of(file))
