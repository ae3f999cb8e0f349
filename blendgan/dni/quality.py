"""How near a restored picture comes to the clean one: PSNR, SSIM, and LPIPS where its package and weights are.

Pictures are float32 [N, C, H, W] in [0, 1], C = 3 (RGB) or 1 (grey); both are clamped to [0, 1] first, as a file would
hold them. No border is cropped off, and colour is not turned into luma: figures of papers that do either are some
tenths of a dB (or more, in luma) higher. A figure of several pictures is the mean of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stylegan2.errors import InputError

# Wang, Bovik, Sheikh, Simoncelli 2004, section III-B and equations 6, 9, 13.
SSIM_SIGMA_PX = 1.5
SSIM_TAPS = 11
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2  # (K1 L)² and (K2 L)² with L = 1, the range of the values

STRIP_NUMBERS = 1 << 21  # of each picture at a time: 16 MB as float64, a whole photo would take a gigabyte
LARGEST_DB = 100.0  # of a picture that is the clean one to the bit: a mean over pictures must stay a number


@dataclass(frozen=True, eq=False)
class Metric:
    """One figure: its name, its unit, whether more is better, and how it is taken of (restored, clean)."""

    name: str
    unit: str
    is_higher_better: bool
    measure: Callable[[Tensor, Tensor], float]
    fingerprint: str = ""  # of the network that it needs, if any

    def gain(self, value: float, other: float) -> float:
        """By how much a value is better than another; negative where it is worse."""
        return value - other if self.is_higher_better else other - value


def mse(a: Tensor, b: Tensor) -> float:
    """Return the mean squared difference of pictures [N, C, H, W] in [0, 1]. Raises InputError for two shapes."""
    return float(_errors(a, b).mean())


def psnr(a: Tensor, b: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB, -10 log10(MSE), of pictures [N, C, H, W] in [0, 1].

    MSE is taken over all channels and places of a picture; of several pictures the mean of their figures. Equal
    pictures have LARGEST_DB, the most there is. Raises InputError for two shapes.
    """
    errors = _errors(a, b).tolist()
    return sum(map(decibels, errors)) / len(errors)


def _errors(a: Tensor, b: Tensor) -> Tensor:
    """The mean squared error of each picture, [N] float64."""
    _require_alike(a, b)
    sums = [(x - y).square().sum(dim=[1, 2, 3]) for x, y in _strips(a, b, 0)]
    return torch.stack(sums).sum(dim=0) / a[0].numel()


def decibels(error: float) -> float:
    """Return -10 log10 of a mean squared error, at most LARGEST_DB: its PSNR for values in [0, 1]."""
    return LARGEST_DB if error <= 10 ** (-LARGEST_DB / 10) else -10 * math.log10(error)


def ssim(a: Tensor, b: Tensor) -> float:
    """Return the structural similarity, at most 1, of pictures [N, C, H, W] in [0, 1] (Wang et al. 2004, eq. 13).

    A Gaussian window of 11 taps and standard deviation 1.5 px, at every place where it lies wholly inside; the mean
    over places, channels and pictures. Raises InputError for two shapes, and for less than 11 px.
    """
    _require_alike(a, b)
    if min(a.shape[-2:]) < SSIM_TAPS:
        raise InputError(f"ssim: found pictures of {min(a.shape[-2:])} px, expected at least {SSIM_TAPS}; ask for psnr")
    maps = [_likeness(x, y) for x, y in _strips(a, b, SSIM_TAPS - 1)]
    return float(sum(total for total, _ in maps) / sum(count for _, count in maps))


def _likeness(a: Tensor, b: Tensor) -> tuple[float, int]:
    """The sum of Wang et al.'s equation 13 over all places of the window, and how many there are."""
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a = _windowed(a * a) - mean_a.square()
    var_b = _windowed(b * b) - mean_b.square()
    covariance = _windowed(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + SSIM_C1) * (2 * covariance + SSIM_C2)
    size = (mean_a.square() + mean_b.square() + SSIM_C1) * (var_a + var_b + SSIM_C2)
    return float((likeness / size).sum()), size.numel()


def open_metric(name: str, vgg: Path | None = None) -> Metric:
    """Return `psnr`, `ssim` or `lpips`; the last needs the extra `metrics` and VGG16's weights.

    Raises InputError for another name, and where what LPIPS needs is not there.
    """
    if name == "psnr":
        return Metric("psnr", "dB", True, psnr)
    if name == "ssim":
        return Metric("ssim", "", True, ssim)
    if name == "lpips":
        return _lpips(vgg)
    raise InputError(f"metric: found {name!r}, expected psnr, ssim or lpips")


def _lpips(vgg: Path | None) -> Metric:
    from stylegan2.train.metric_lpips import SMALLEST_PX, find_vgg, open_lpips

    distance = open_lpips(find_vgg(vgg, "give it by --vgg FILE, or ask for psnr or ssim"), torch.device("cpu"))

    def lpips(a: Tensor, b: Tensor) -> float:
        if min(a.shape[-2:]) < SMALLEST_PX:
            raise InputError(f"lpips: found pictures of {min(a.shape[-2:])} px, expected at least {SMALLEST_PX}")
        with torch.inference_mode():
            pair = [x.float().clamp(0, 1).mul(2).sub(1).expand(-1, 3, -1, -1) for x in (a, b)]
            return float(distance(*pair).mean())

    return Metric("lpips", "", False, lpips, distance.fingerprint)


def _require_alike(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape or a.ndim != 4 or 0 in a.shape:
        raise InputError(
            f"pictures: found shapes {list(a.shape)} and {list(b.shape)}, expected two of one shape [N, C, H, W]"
        )


def _strips(a: Tensor, b: Tensor, shared: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Both pictures in strips, clamped, as float64: `shared` rows of each are in the next one, too."""
    rows = max(STRIP_NUMBERS // a[..., 0, :].numel(), 1)
    for top in range(0, a.shape[2] - shared, rows):
        strip = slice(top, top + rows + shared)
        yield a[:, :, strip].double().clamp(0, 1), b[:, :, strip].double().clamp(0, 1)


def _windowed(x: Tensor) -> Tensor:
    """The Gaussian window's mean at every place where it fits, [N, C, H, W] -> [N, C, H - 10, W - 10]."""
    places = torch.arange(SSIM_TAPS, dtype=x.dtype) - SSIM_TAPS // 2
    taps = torch.exp(-0.5 * (places / SSIM_SIGMA_PX).square())
    taps = taps / taps.sum()
    maps = x.reshape(-1, 1, *x.shape[-2:])
    maps = functional.conv2d(functional.conv2d(maps, taps.reshape(1, 1, -1, 1)), taps.reshape(1, 1, 1, -1))
    return maps.reshape(*x.shape[:2], *maps.shape[-2:])
