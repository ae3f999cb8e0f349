"""Pictures -> features [N, D], on which `metrics` compares sets; here those of a discriminator."""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.checkpoints import fingerprint
from stylegan2.discriminator import Discriminator, feature_distance
from stylegan2.errors import InputError
from stylegan2.loading import ModelLike, load_discriminator, open_model
from stylegan2.train.data import from_bytes


class FeatureNetwork(Protocol):
    """What sees the pictures. fingerprint: SHA-256, hex, of its weights; size_px: what it resizes pictures to."""

    fingerprint: str
    size_px: int

    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures uint8 [N, 3, H, W] -> features float32 [N, D] on the CPU."""
        ...


class DiscriminatorFeatures:
    """The activations that enter each block of a discriminator, of unit second moment, averaged over places.

    D is the sum of the blocks' widths, 256 for a 64 px discriminator of 64 maps. Of what was tried (means, standard
    deviations, the last layer, with and without scaling: docs/metrics.md) this sets snapshots of a run apart most
    clearly. The logits themselves, the minibatch statistics and the first layer take no part.
    """

    def __init__(self, discriminator: Discriminator, fingerprint: str) -> None:
        """Raises InputError for one that has no blocks, or does not see square RGB pictures."""
        config = discriminator.config
        if len(config.resolutions) < 2 or config.image_channels != 3 or config.const_size != (4, 4):
            raise InputError(
                f"discriminator: found {config.resolution} px, {config.image_channels} channels, expected a square RGB "
                "one of at least 8 px; choose another"
            )
        self.discriminator = discriminator
        self.fingerprint = fingerprint
        self.size_px = config.resolution

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Pictures uint8 [N, 3, H, W] of any size -> features float32 [N, D] on the CPU."""
        levels = self.levels(from_bytes(pictures))
        pooled = [x.mean(dim=[2, 3]) * math.sqrt(x.shape[1]) for x in levels]  # unit length -> unit second moment
        return torch.cat(pooled, dim=1).float().cpu()

    def levels(self, pictures: Tensor) -> list[Tensor]:
        """Pictures [N, 3, H, W] in [-1, 1] -> [N, C, r, r] of each block, of unit length over channels."""
        pictures = resize(pictures.to(next(self.discriminator.parameters()).device), self.size_px)
        return self.discriminator.unit_features(pictures)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Perceptual distance [N] of pictures [N, 3, H, W] in [-1, 1]."""
        return feature_distance(self.levels(x), self.levels(y))


def open_discriminator(model: ModelLike, device: torch.device) -> DiscriminatorFeatures:
    """Return the features of the discriminator in a model's file; the fingerprint is the whole file's, as in `inspect`.

    Raises CheckpointError if the file has none, InputError for one that does not see square RGB pictures.
    """
    discriminator = load_discriminator(model)  # by its name, which errors then have
    return DiscriminatorFeatures(discriminator.to(device), fingerprint(open_model(model)))


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] -> uint8, as a PNG would hold them."""
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def resize(pictures: Tensor, size_px: int) -> Tensor:
    """Pictures [N, 3, H, W] -> [N, 3, size_px, size_px], band-limited: aliases would be features of their own."""
    if pictures.shape[-2:] == (size_px, size_px):
        return pictures
    return F.interpolate(pictures, (size_px, size_px), mode="bicubic", antialias=True, align_corners=False)
