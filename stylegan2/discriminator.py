"""The StyleGAN2 discriminator: pictures -> realness logits (Karras et al. 2020b, figure 7)."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan2.config import CONST_RESOLUTION, DiscriminatorConfig
from stylegan2.layers import Conv2d, FullyConnected, MinibatchStddev, normalize_second_moment
from stylegan2.ops import downsample2d, setup_filter


class LabelMapping(nn.Module):
    """Labels c [N, num_classes] -> the direction [N, cmap_dim] onto which the features are projected."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.layers = config.mapping_layers
        self.embed = FullyConnected(config.num_classes, config.embed_dim)
        width = config.embed_dim
        for i in range(config.mapping_layers):
            outputs = config.mapping_width if i < config.mapping_layers - 1 else config.cmap_dim
            self.add_module(
                f"fc{i}", FullyConnected(width, outputs, activation="lrelu", lr_multiplier=config.lr_multiplier)
            )
            width = outputs

    def forward(self, c: Tensor) -> Tensor:
        x = normalize_second_moment(self.embed(c.to(torch.float32)))
        for i in range(self.layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x


class DiscriminatorBlock(nn.Module):
    """Two convolutions that halve the picture; the second one down-samples."""

    fir: Tensor

    def __init__(self, config: DiscriminatorConfig, resolution: int) -> None:
        super().__init__()
        self.architecture = config.architecture
        self.compute: torch.dtype | None = None  # of activations; None: that of the weights
        inputs, outputs = config.channels_at(resolution), config.channels_at(resolution // 2)
        fir = setup_filter(config.fir)
        layer = partial(Conv2d, fir=fir, activation=config.activation, clamp=config.conv_clamp)
        self.has_rgb = config.architecture == "skip" or resolution == config.resolution
        if self.has_rgb:
            self.fromrgb = layer(config.image_channels, inputs, 1)
        self.conv0 = layer(inputs, inputs, 3)
        self.conv1 = layer(inputs, outputs, 3, resample="down")
        if config.architecture == "resnet":
            self.skip = Conv2d(inputs, outputs, 1, fir, resample="down", bias=False)
        self.register_buffer("fir", fir, persistent=False)

    def forward(self, x: Tensor | None, picture: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x [N, in, H, W] or None, picture [N, 3, H, W] or None -> both at half the size (picture: skip only)."""
        if picture is not None and self.has_rgb:
            y = self.fromrgb(picture if self.compute is None else picture.to(self.compute))
            x = y if x is None else x.to(y.dtype) + y
            picture = downsample2d(picture, self.fir) if self.architecture == "skip" else None
        if self.architecture != "resnet":
            return self.conv1(self.conv0(x)), picture
        gain = math.sqrt(0.5)  # keeps unit variance through the sum (StyleGAN2, section 4.1)
        return self.skip(x, gain=gain) + self.conv1(self.conv0(x), gain=gain), picture


class DiscriminatorEpilogue(nn.Module):
    """The block of 4 px: minibatch spread, one convolution, two fully connected layers."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        channels = config.channels[0]
        fir = setup_filter(config.fir)
        self.has_rgb = config.architecture == "skip" or config.resolution == CONST_RESOLUTION
        if self.has_rgb:
            self.fromrgb = Conv2d(config.image_channels, channels, 1, fir, activation=config.activation)
        self.minibatch = MinibatchStddev(config.minibatch_group, config.minibatch_channels)
        self.conv = Conv2d(
            channels + config.minibatch_channels,
            channels,
            3,
            fir,
            activation=config.activation,
            clamp=config.conv_clamp,
        )
        area = config.const_size[0] * config.const_size[1]
        self.fc = FullyConnected(channels * area, channels, activation=config.activation)
        self.out = FullyConnected(channels, config.cmap_dim if config.num_classes else 1)

    def forward(self, x: Tensor | None, picture: Tensor | None, direction: Tensor | None) -> Tensor:
        """x [N, C, 4, 4] -> logits [N, 1]; with labels, the projection onto `direction` [N, cmap_dim]."""
        x = None if x is None else x.to(self.fc.weight.dtype)
        if self.has_rgb:
            y = self.fromrgb(picture)
            x = y if x is None else x + y
        if self.minibatch.channels:
            x = self.minibatch(x)
        x = self.fc(self.conv(x).flatten(1))
        logits: Tensor = self.out(x)
        if direction is None:
            return logits
        return (logits * direction).sum(dim=1, keepdim=True) / math.sqrt(direction.shape[1])


class Discriminator(nn.Module):
    """Pictures [N, 3, H, W] in [-1, 1] (and labels c [N, num_classes]) -> logits [N, 1]."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        for resolution in reversed(config.resolutions[1:]):
            self.add_module(f"b{resolution}", DiscriminatorBlock(config, resolution))
        self.b4 = DiscriminatorEpilogue(config)
        if config.num_classes:
            self.mapping = LabelMapping(config)

    def forward(self, images: Tensor, c: Tensor | None = None) -> Tensor:
        """Raises ValueError if labels are missing."""
        x, picture = self.blocks(images)[-1]
        logits: Tensor = self.b4(x, picture, self._direction(images.shape[0], c))
        return logits

    def blocks(self, images: Tensor) -> list[tuple[Tensor | None, Tensor | None]]:
        """(x, picture) as they enter every block, from the largest; x serves as features [N, C, H, W]."""
        x: Tensor | None = None
        picture: Tensor | None = images.contiguous(memory_format=torch.channels_last)
        passed = [(x, picture)]
        for resolution in reversed(self.config.resolutions[1:]):
            x, picture = self.get_submodule(f"b{resolution}")(x, picture)
            passed.append((x, picture))
        return passed

    def unit_features(self, images: Tensor) -> list[Tensor]:
        """Features [N, C, r, r] that enter each block, scaled to unit length over channels, as LPIPS does.

        (Zhang et al. 2018 compare a classifier's features so; a discriminator knows the very pictures at hand.)
        """
        return [F.normalize(x, dim=1, eps=1e-6) for x, _ in self.blocks(images) if x is not None]

    def _direction(self, count: int, c: Tensor | None) -> Tensor | None:
        if not self.config.num_classes:
            return None
        expected = (count, self.config.num_classes)
        if c is None or c.shape != expected:
            raise ValueError(f"labels: this model has {self.config.num_classes} classes; expected c {expected}")
        direction: Tensor = self.mapping(c)
        return direction


def feature_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Perceptual distance [N] of two sets of `unit_features`: squared difference, mean over places, sum over levels.

    LPIPS (Zhang et al. 2018, equation 1) with all weights 1.
    """
    levels = [(x - y).square().sum(dim=1).mean(dim=[1, 2]) for x, y in zip(a, b, strict=True)]
    return torch.stack(levels).sum(dim=0)
