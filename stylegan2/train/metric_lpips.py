"""LPIPS (Zhang et al. 2018), the distance of the papers' path length, through the package `lpips`.

The package holds its own linear layers; the VGG16 below them is torchvision's file, known by its SHA-256. It is read as
tensors alone, and never downloaded here.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from stylegan2.errors import InputError
from stylegan2.train.metric_features import resize
from stylegan2.train.metric_weights import missing, require_file

SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
FILE = f"vgg16-{SHA256[:8]}.pth"
SOURCE = f"https://download.pytorch.org/models/{FILE}"
LARGEST_PX = 256  # larger pictures are made smaller first (Karras et al. 2019, appendix C has 256 px)
SMALLEST_PX = 16  # the trunk halves four times
ADVICE = "give it by --vgg FILE of `blendgan metrics`, or ask for dppl"


class LpipsDistance:
    """The distance [N] of two sets of pictures [N, 3, H, W] in [-1, 1]."""

    def __init__(self, network: nn.Module, fingerprint: str) -> None:
        self.network = network
        self.fingerprint = fingerprint

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Raises InputError for pictures of less than 16 px."""
        side = min(x.shape[-2:])
        if side < SMALLEST_PX:
            raise InputError(f"ppl: found pictures of {side} px, expected at least {SMALLEST_PX}; ask for dppl instead")
        if side > LARGEST_PX:
            x, y = resize(x, LARGEST_PX), resize(y, LARGEST_PX)
        distances: Tensor = self.network(x, y)  # [N, 1, 1, 1]
        return distances.flatten()


def find_vgg(file: Path | None = None, advice: str = ADVICE) -> Path:
    """Return the file of VGG16's weights: the one given, else torch hub's.

    Raises InputError if there is none; `advice` says what else may be done.
    """
    place = Path(torch.hub.get_dir()) / "checkpoints" / FILE if file is None else file
    if place.is_file():
        return place
    raise InputError(f"{place}: found no VGG16 weights; fetch {SOURCE} and put it there, or {advice}")


def open_lpips(file: Path, device: torch.device, sha256: str = SHA256) -> LpipsDistance:
    """Return the distance on the VGG16 of a file.

    Raises InputError for another file than that of `sha256`, and where the package or its torchvision is missing.
    """
    found = require_file(file, sha256, "PPL", SOURCE)
    network = _untrained()
    tensors = torch.load(file, map_location="cpu", weights_only=True)
    trunk = network.get_submodule("net")
    names = {
        f"features.{name.partition('.')[2]}": name for name in trunk.state_dict()
    }  # slice2.5.bias: features.5.bias
    trunk.load_state_dict({own: tensors[name] for name, own in names.items()})
    return LpipsDistance(network.eval().requires_grad_(False).to(device), found)


def _untrained() -> nn.Module:
    """The package's network with its linear layers and a VGG16 of random weights, so that it fetches none."""
    try:
        from lpips import LPIPS
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise missing("lpips", error) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it names torchvision's option in an old way
        network: nn.Module = LPIPS(net="vgg", pnet_rand=True, verbose=False)
    return network
