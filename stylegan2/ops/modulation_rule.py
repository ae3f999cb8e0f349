"""How to carry out a modulated convolution: rules, each with the measurements behind it.

A style scales the input channels of one sample. Either its kernel takes the scales, then every sample needs a kernel of
its own; or its activations do, then all samples share one convolution. Both give equation 3 of StyleGAN2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Measured(NamedTuple):
    """One layer: size of its output in px, up-sampling, channels, samples; ms with scaled kernels and activations."""

    resolution: int
    up: int
    inputs: int
    outputs: int
    samples: int
    kernel_ms: float
    activations_ms: float


# 2 threads of an AMD EPYC 7003 (AVX2), fp32, torch 2.13, medians of 6; whole styled layers, 3×3.
TABLE = (
    Measured(8, 1, 512, 512, 1, 10.3, 9.1),
    Measured(8, 1, 512, 512, 2, 18.2, 11.0),
    Measured(8, 1, 512, 512, 8, 67.7, 23.6),
    Measured(16, 1, 512, 512, 1, 17.0, 15.7),
    Measured(16, 1, 512, 512, 8, 119.7, 73.3),
    Measured(32, 1, 512, 512, 1, 43.5, 42.5),
    Measured(32, 1, 512, 512, 8, 321.4, 283.5),
    Measured(64, 1, 512, 512, 1, 147.6, 148.2),
    Measured(64, 1, 512, 512, 8, 1245.0, 1137.1),
    Measured(128, 1, 256, 256, 1, 141.4, 142.8),
    Measured(128, 1, 256, 256, 8, 1070.5, 1077.8),
    Measured(256, 1, 128, 128, 1, 138.0, 148.3),
    Measured(256, 1, 128, 128, 8, 1061.1, 998.0),
    Measured(512, 1, 64, 64, 1, 149.4, 145.8),
    Measured(512, 1, 64, 64, 2, 303.4, 280.7),
    Measured(16, 1, 64, 64, 8, 3.9, 2.1),
    Measured(32, 1, 64, 64, 8, 8.6, 6.1),
    Measured(64, 1, 32, 32, 1, 1.0, 1.0),
    Measured(64, 1, 32, 32, 8, 7.8, 5.9),
    Measured(8, 2, 512, 512, 1, 11.2, 8.7),
    Measured(8, 2, 512, 512, 8, 87.5, 17.8),
    Measured(16, 2, 512, 512, 1, 14.4, 11.6),
    Measured(32, 2, 512, 512, 8, 174.6, 107.5),
    Measured(64, 2, 512, 512, 1, 58.6, 55.7),
    Measured(128, 2, 512, 256, 1, 78.3, 84.3),
    Measured(128, 2, 512, 256, 8, 623.7, 579.3),
    Measured(256, 2, 256, 128, 1, 79.3, 78.6),
    Measured(256, 2, 256, 128, 8, 670.9, 599.8),
    Measured(64, 2, 32, 32, 1, 1.2, 1.3),
    Measured(64, 2, 32, 32, 8, 8.8, 3.5),
)

PASSES_OVER_KERNEL = 3  # to scale, to square and sum, to scale again; over activations it is one, in and out
SPLIT_FROM_PIXELS = 128 * 128  # of the input; below, slicing the larger kernels costs what the phases save


# Direct convolution and Winograd's, 3×3, ms: (size in px, channels in and out, samples) -> (direct, Winograd's).
WINOGRAD_TABLE = {
    (8, 512, 1): (7.5, 5.1),
    (8, 512, 8): (23.6, 27.2),
    (16, 512, 1): (12.3, 8.6),
    (16, 512, 8): (71.6, 56.7),
    (32, 512, 1): (39.8, 22.4),
    (32, 512, 8): (280.4, 168.1),
    (64, 512, 1): (148.0, 83.2),
    (128, 256, 1): (133.7, 92.7),
    (128, 256, 4): (553.5, 388.2),
    (256, 128, 1): (130.9, 122.9),
}
WINOGRAD_FROM = (16 * 16, 256)  # pixels, channels


def scales_kernel(samples: int, kernel: int, activations: int) -> bool:
    """Return whether to scale kernels. `kernel` is how many numbers one has, `activations` one sample, in and out.

    Several samples are always quicker with a shared convolution; one alone gains where its activations outweigh its
    kernel.
    """
    return samples == 1 and PASSES_OVER_KERNEL * kernel < activations


def splits_transposed(x: Tensor, kernel_size: int) -> bool:
    """Return whether a transposed convolution of x [N, C, H, W] is quicker as four plain ones, one for each phase.

    On the same machine, one sample: 256 to 128 channels from 128 px 151 ms transposed, 84 in phases; 128 to 64 from 256
    px 142 and 91; 64 to 32 from 512 px 141 and 87; but 512 to 256 from 64 px 76 and 94.
    """
    return x.device.type == "cpu" and kernel_size == 3 and x.shape[2] * x.shape[3] >= SPLIT_FROM_PIXELS


def uses_winograd(x: Tensor, weight: Tensor) -> bool:
    """Return whether Winograd's algorithm is quicker than a direct convolution of x [N, in, H, W], padding 1.

    Only where AVX2 is the widest that there is: there arithmetic is what takes the time. Processors with AVX-512 gained
    nothing when it was tried.
    """
    pixels, channels = WINOGRAD_FROM
    h, w = x.shape[2:]
    fits = weight.shape[-1] == 3 and h % 2 == 0 and w % 2 == 0 and x.dtype == torch.float32
    large = h * w >= pixels and min(weight.shape[:2]) >= channels
    return fits and large and x.device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2"
