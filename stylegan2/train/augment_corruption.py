"""Corruption of the augmentation: frequency bands made louder or softer, noise, and a hole.

Image-space filtering and image-space corruptions (Karras et al. 2020a, appendix B.2). Pictures are [N, 3, H, W].
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.train.dice import Dice

ROOT3 = math.sqrt(3)
# Low-pass taps of the sym2 wavelet, from which the paper makes its bands; of unit energy, so their sum is √2.
SYM2 = np.array([1 - ROOT3, 3 - ROOT3, 3 + ROOT3, 1 + ROOT3]) / (4 * math.sqrt(2))
BANDS = 4  # [0, π/8], [π/8, π/4], [π/4, π/2], [π/2, π]
POWER = np.array([10, 1, 1, 1]) / 13  # expected share of a picture's energy in each band, as natural pictures have it
GAIN_STD = math.log(2)  # of ln(gain)
NOISE_STD = 0.1  # of the half-normal that the noise's own standard deviation is drawn from
HOLE = 0.5  # share of width and of height


# ---- frequency bands --------------------------------------------------------------------------------------------


def draw_gains(dice: Dice) -> Tensor:
    """Return the gain of each band [N, 4], lowest first: each band drawn with p, the expected energy kept each time."""
    power = torch.tensor(POWER, dtype=torch.float32, device=dice.generator.device)
    gains = torch.ones(dice.count, BANDS, device=power.device)
    for band in range(BANDS):
        one = torch.ones_like(gains)
        one[:, band] = (dice.normal(GAIN_STD) * dice.drawn()).exp()
        gains = gains * one / (one.square() @ power)[:, None].sqrt()
    return gains


def apply_gains(pictures: Tensor, gains: Tensor) -> Tensor:
    """Weight the frequency bands of pictures [N, 3, H, W] by gains [N, 4], along both axes; mirrored beyond the rim."""
    along_y, along_x = (
        torch.einsum("nb,bij->nij", gains, _bands_of(side).to(gains))[:, None] for side in pictures.shape[2:]
    )
    return along_y @ pictures @ along_x.transpose(2, 3)


def band_filters() -> NDArray[np.float64]:
    """Return the bands' filters [4, 43], zero-phase, lowest first; they sum to the unit impulse.

    An orthogonal wavelet's low-pass H and high-pass G share out all energy: H(z)H(1/z)/2 + G(z)G(1/z)/2 = 1. Splitting
    the low half again and again, each time at half the rate (z² for z), gives bands that sum to 1.
    """
    low = np.convolve(SYM2, SYM2[::-1]) / 2  # [7]
    high = low * (-1.0) ** np.arange(-3, 4)  # G is H turned round with every other sign changed: half a turn in phase
    passed, bands = np.ones(1), []
    for octave in range(BANDS - 1):
        bands.append(np.convolve(passed, _dilated(high, 2**octave)))
        passed = np.convolve(passed, _dilated(low, 2**octave))
    return np.stack([_centred(band, len(passed)) for band in (passed, *reversed(bands))])


def _dilated(taps: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """z^step for z: zeros between the taps."""
    wide = np.zeros((len(taps) - 1) * step + 1)
    wide[::step] = taps
    return wide


def _centred(taps: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    return np.pad(taps, (length - len(taps)) // 2)


def _bands_of(side: int) -> Tensor:
    """Return the filters as matrices [4, side, side], since two products beat filtering three channels."""
    filters = band_filters()
    reach = filters.shape[1] // 2
    period = max(2 * (side - 1), 1)
    matrices = np.zeros([BANDS, side, side])
    outputs = np.arange(side)
    for tap in range(-reach, reach + 1):
        turned = (outputs + tap) % period
        inputs = np.minimum(turned, period - turned) if side > 1 else np.zeros(1, int)  # mirrored as often as needed
        matrices[:, outputs, inputs] += filters[:, tap + reach, None]
    return torch.from_numpy(matrices).to(torch.float32)


# ---- noise, hole ------------------------------------------------------------------------------------------------


def draw_noise(dice: Dice, size: tuple[int, int]) -> Tensor:
    """Return what is added to each picture, [N, 3, H, W]; size is (width, height)."""
    std = dice.normal(NOISE_STD).abs() * dice.drawn()
    shape = [dice.count, 3, size[1], size[0]]
    noise = torch.randn(shape, generator=dice.generator, device=dice.generator.device)
    return noise * std[:, None, None, None]


def draw_holes(dice: Dice) -> Tensor:
    """Return (x, y, side) of each picture's hole, [N, 3], as shares of the picture; side 0 is no hole."""
    return torch.stack([dice.uniform(0, 1), dice.uniform(0, 1), HOLE * dice.drawn()], dim=1)


def apply_holes(pictures: Tensor, holes: Tensor) -> Tensor:
    """Set a rectangle around (x, y) to 0, middle grey."""
    height, width = pictures.shape[2:]
    x, y, side = holes[:, :, None].unbind(dim=1)  # [N, 1]
    across = ((torch.arange(width, device=holes.device) + 0.5) / width - x).abs() < side / 2  # [N, W]
    down = ((torch.arange(height, device=holes.device) + 0.5) / height - y).abs() < side / 2  # [N, H]
    return pictures * ~(down[:, None, :, None] & across[:, None, None, :])
