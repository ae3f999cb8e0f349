"""Noise maps that are fitted along with w (StyleGAN2, appendix D): where they start, and what keeps them white."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.generator import Generator

SMALLEST_PX = 8  # of the scales at which a map is looked at (StyleGAN2, appendix D)


def start_noise(generator: Generator, count: int) -> dict[str, Tensor]:
    """Each layer's own noise, once per face: layer name -> [N, 1, H, W]."""
    return {
        name.removesuffix(".noise_const"): buffer[None, None].repeat(count, 1, 1, 1)
        for name, buffer in generator.synthesis.named_buffers()
        if name.endswith(".noise_const")
    }


def noise_structure(noise: Tensor) -> Tensor:
    """Squared correlation of noise [N, 1, H, W] with itself one pixel to the side and down, at every scale: [N]."""
    total = noise.new_zeros(noise.shape[0])
    while True:
        for axis in (2, 3):
            total = total + (noise * noise.roll(1, axis)).mean(dim=[1, 2, 3]).square()
        if min(noise.shape[2:]) <= SMALLEST_PX:
            return total
        noise = F.avg_pool2d(noise, 2) * 2  # keeps unit variance


@torch.no_grad()
def normalise_noise(noise: dict[str, Tensor]) -> None:
    """Bring every map back to mean 0 and variance 1, in place."""
    for value in noise.values():
        value.sub_(value.mean(dim=[1, 2, 3], keepdim=True))
        value.mul_((value.square().mean(dim=[1, 2, 3], keepdim=True) + 1e-8).rsqrt())
