"""Restoration networks that need no other library: DnCNN, the compact super-resolution one, a residual denoiser.

Pictures go in as [N, channels, H, W] in [0, 1] and come out so, not clamped. All hyper-parameters are read off the
tensors' shapes (`layouts.py`).
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional


class DnCNN(nn.Module):
    """Convolutions with ReLU between them that find the noise (Zhang et al. 2017): output = input - network(input).

    `normalised`: numbers of the convolutions with a batch normalisation behind them; empty where it is merged into
    the convolutions. `unbiased`: numbers of those without a bias. Any size of picture; [N, channels, H, W] in and out.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        depth: int,
        normalised: Collection[int] = (),
        unbiased: Collection[int] = (),
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        widths = [channels, *[width] * (depth - 1), channels]
        sizes = enumerate(zip(widths, widths[1:], strict=False))
        self.conv = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=i not in unbiased) for i, (a, b) in sizes)
        self.norm = nn.ModuleDict({str(i): nn.BatchNorm2d(widths[i + 1], eps=eps) for i in sorted(normalised)})

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures
        for i, layer in enumerate(self.conv):
            x = layer(functional.relu(x, inplace=True) if i else x)
            if str(i) in self.norm:
                x = self.norm[str(i)](x)
        return pictures - x


class Compact(nn.Module):
    """The compact super-resolution network (SRVGGNetCompact, Wang et al. 2021): [N, C, H, W] to [N, C, sH, sW].

    A plain chain of convolutions and PReLUs at the small size; the last one gives s² pixels for each pixel, which are
    added to the picture enlarged by repetition. Even members of `body` are convolutions, odd ones PReLUs.
    """

    def __init__(self, channels: int, width: int, convolutions: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.PReLU(width)]
        for _ in range(convolutions):
            body += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
        body.append(nn.Conv2d(width, channels * scale**2, 3, padding=1))
        self.body = nn.Sequential(*body)

    def forward(self, pictures: Tensor) -> Tensor:
        enlarged = functional.interpolate(pictures, scale_factor=self.scale, mode="nearest")
        return torch.pixel_shuffle(self.body(pictures), self.scale) + enlarged


class ResidualBlock(nn.Module):
    """Two convolutions with a ReLU between them, added to what comes in: [N, width, h, w] in and out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.conv2(functional.relu(self.conv1(x)))
        return found


class Residual(nn.Module):
    """A denoiser of residual blocks at half size, after AdaFM-Net (He, Dong, Qiao 2019): [N, C, H, W] in and out.

    A convolution of stride 2, `blocks` residual blocks and one more convolution beside a skip, a convolution that gives
    four pixels for each, and two at full size. Unlike AdaFM-Net it finds the noise: output = input - network(input), as
    DnCNN does, which learns in far fewer steps. Odd sides are padded by one pixel, and the result is cut.
    """

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.trunk = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.full = nn.Conv2d(width, width, 3, padding=1)
        self.tail = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[2:]
        x = pictures
        if height % 2 or width % 2:
            x = functional.pad(x, (0, width % 2, 0, height % 2), "replicate")
        x = first = self.head(x)  # [N, width, H/2, W/2]
        for block in self.blocks:
            x = block(x)
        x = functional.relu(torch.pixel_shuffle(self.up(first + self.trunk(x)), 2))  # [N, width, H, W]
        noise = self.tail(functional.relu(self.full(x)))
        found: Tensor = pictures - noise[..., :height, :width]
        return found
