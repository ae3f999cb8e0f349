"""The Inception network of 2015, on whose features FID, KID, precision and recall are defined, through torch-fidelity.

Its weights are one file, known by its SHA-256; another file would give figures that are no FID, and is refused before
anything reads it. Nothing is downloaded here: `MISSING` says where the file comes from.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from stylegan2.errors import InputError
from stylegan2.train.metric_weights import missing, require_file

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
FILES = tuple(
    f"{by}-inception-2015-12-05-{SHA256[:8]}.pth" for by in ("weights", "pt")
)  # torch-fidelity's, pytorch-fid's
SOURCE = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILES[0]}"
MISSING = (
    "{looked}: found no Inception weights; fetch {source} and put it there, or give it by "
    "--inception FILE of `blendgan metrics`, or ask for the figures of a discriminator: dfd,dkd,d-precision,d-recall"
)


class InceptionFeatures:
    """The 2048 features of the last pool, as torch-fidelity computes them (TensorFlow's network and its resizing)."""

    size_px = 299  # what the network resizes to, by itself

    def __init__(self, network: nn.Module, fingerprint: str) -> None:
        self.network = network
        self.fingerprint = fingerprint

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures uint8 [N, 3, H, W] of any size -> features float32 [N, 2048] on the CPU."""
        device = next(self.network.parameters()).device
        (features,) = self.network(pictures.to(device))
        pooled: Tensor = features.float().cpu()
        return pooled


def find_inception(file: Path | None = None) -> Path:
    """Return the file of weights: the one given, else one in torch hub's cache. Raises InputError if there is none."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    places = [file] if file is not None else [folder / name for name in FILES]
    for place in places:
        if place.is_file():
            return place
    raise InputError(MISSING.format(looked=folder if file is None else file, source=SOURCE))


def has_library() -> bool:
    """Whether torch-fidelity is installed, with the torchvision that it imports."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch_fidelity", "torchvision"))


def open_inception(file: Path, device: torch.device, sha256: str = SHA256) -> InceptionFeatures:
    """Return the features of the network in a file.

    Raises InputError for another file than that of `sha256`, and where torch-fidelity is missing.
    """
    found = require_file(file, sha256, "FID", SOURCE)
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise missing("torch-fidelity", error) from error
    network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(file))
    return InceptionFeatures(network.to(device), found)
