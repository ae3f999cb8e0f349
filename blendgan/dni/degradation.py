"""Clean pictures, and what a network is given of them: shrunk by its scale, then with noise.

A clean picture is float32 [1, C, H, W] in [0, 1]: RGB for a network of colour pictures, luma for one of grey ones. The
noise is Gaussian, its standard deviation told in levels of 255, the same for every channel and place; it is not
clamped, as in the studies of denoisers (Zhang et al. 2017). Each picture has a noise pattern of its own, drawn from the
seed and the picture's contents, so that neither its name nor the other pictures change it, and two levels of noise have
the same pattern.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from blendgan.inputs import find_inputs
from blendgan.masks import LUMA
from projector.photo import read_photo
from stylegan2.errors import InputError
from stylegan2.store import sha256_of

LEVELS = 255
SMALLEST_PX = 8  # of what the network is given
LARGEST_NOISE = 255.0


@dataclass(frozen=True)
class CleanFile:
    """A picture's file: its name without folders, and its SHA-256."""

    path: Path
    name: str
    sha256: str


def clean_files(folder: Path) -> tuple[CleanFile, ...]:
    """Return the pictures of a folder and below, by name; of equal files the first. Raises InputError without any."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with clean pictures")
    once: dict[str, CleanFile] = {}
    for found in find_inputs([folder]).inputs:
        digest = sha256_of(found.photo)
        once.setdefault(digest, CleanFile(found.photo, found.photo.name, digest))
    return tuple(once.values())


def shuffled(files: Sequence[CleanFile], seed: int) -> tuple[CleanFile, ...]:
    """Return the files in an order that hangs on seed and contents alone, so that the first few are a fair sample."""
    return tuple(sorted(files, key=lambda file: hashlib.sha256(f"{seed} {file.sha256}".encode()).digest()))


def check_crop(crop_px: int | None, scale: int) -> None:
    """Raise InputError for crops of fewer px than a network of this scale can be given."""
    if crop_px is not None and crop_px < SMALLEST_PX * scale:
        raise InputError(
            f"crop: found {crop_px} px, expected at least {SMALLEST_PX * scale}; choose more, or 0 for whole pictures"
        )


def read_clean(file: CleanFile, channels: int, scale: int, crop_px: int | None) -> Tensor:
    """Return the middle of a picture, [1, C, H, W] with H and W multiples of the scale.

    `crop_px`: the longest side that is kept, None for all. Raises InputError for files that are no pictures, and for
    pictures or crops of fewer px than a network can be given.
    """
    check_crop(crop_px, scale)
    pixels = torch.from_numpy(read_photo(file.path).pixels).permute(2, 0, 1)[None].float() / LEVELS
    height, width = (_side(side, scale, crop_px) for side in pixels.shape[-2:])
    if min(height, width) < SMALLEST_PX * scale:
        raise InputError(
            f"{file.path}: found {pixels.shape[-1]} x {pixels.shape[-2]} px, expected at least {SMALLEST_PX * scale} a "
            "side; leave the picture out"
        )
    pixels = middle(pixels, height, width)
    return pixels.contiguous() if channels == 3 else luma(pixels).expand(-1, channels, -1, -1)


def middle(picture: Tensor, height: int, width: int) -> Tensor:
    """Return the middle of a picture [N, C, H, W], which is no smaller."""
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    return picture[..., top : top + height, left : left + width]


def luma(pixels: Tensor) -> Tensor:
    """Return the grey picture [N, 1, H, W] of RGB [N, 3, H, W] by ITU-R BT.601."""
    return (pixels * torch.tensor(LUMA).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def degrade(clean: Tensor, scale: int, noise: float, pattern_seed: int) -> Tensor:
    """Return what a network of this scale is given of a clean picture [1, C, H, W]: [1, C, H / scale, W / scale].

    Shrunk by bicubic resampling with antialiasing and clamped to [0, 1], then Gaussian noise of standard deviation
    `noise`, of 255, is added; not clamped after that.
    """
    small = clean
    if scale > 1:
        size = [side // scale for side in clean.shape[-2:]]
        small = functional.interpolate(clean, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    if noise == 0:
        return small
    generator = torch.Generator().manual_seed(pattern_seed)
    return small + noise / LEVELS * torch.randn(small.shape, generator=generator)


def pattern_seed(seed: int, file: CleanFile) -> int:
    """Return the seed of a picture's noise pattern, of seed and contents."""
    digest = hashlib.sha256(f"noise {seed} {file.sha256}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes 63 bits on any system


def enlarged(given: Tensor, scale: int) -> Tensor:
    """Return what the network was given at the size of its result, by bicubic resampling: the ground of comparisons."""
    if scale == 1:
        return given
    return functional.interpolate(given, scale_factor=scale, mode="bicubic", align_corners=False)


def check_noise(noise: Sequence[float], scale: int) -> tuple[float, ...]:
    """Return the levels of noise to measure at, each once, in the order given.

    A network that enlarges may do without noise: what it has to mend is the shrinking. One that does not is a denoiser,
    and only its user knows of which level. Raises InputError without a level there, and for one that is out of range.
    """
    if not noise and scale == 1:
        raise InputError(
            "noise: found none, expected a standard deviation of 255, such as --noise 25; for a denoiser choose a "
            "level between those that the two networks were trained for"
        )
    for level in noise:
        if not 0 <= level <= LARGEST_NOISE:
            raise InputError(f"noise: found {level:g}, expected a standard deviation from 0 to 255, such as --noise 25")
    return tuple(dict.fromkeys(noise)) or (0.0,)


def _side(side_px: int, scale: int, crop_px: int | None) -> int:
    return min(side_px, crop_px or side_px) // scale * scale
