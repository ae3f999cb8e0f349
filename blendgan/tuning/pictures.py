"""Clean pictures in memory, and random patches of them for training."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from blendgan.dni.degradation import clean_files, luma
from projector.photo import read_photo
from stylegan2.errors import InputError

SHRUNK = (1.0, 0.7, 0.5)  # every picture at several sizes: smaller ones are sharper
MOST_BYTES = 2 << 30  # of all pictures in memory


@dataclass(frozen=True, eq=False)
class Sources:
    """Pictures [channels, H, W], uint8, each no smaller than a patch; and a digest over their files."""

    pictures: tuple[Tensor, ...]
    digest: str

    @property
    def channels(self) -> int:
        """1 or 3."""
        return self.pictures[0].shape[0]


def read_sources(folder: Path, channels: int, patch_px: int) -> Sources:
    """Read the clean pictures of a folder and below, in the channels that a network takes, at several sizes.

    Raises InputError for a folder without any, for files that are no pictures, and where no picture holds a patch.
    """
    files = clean_files(folder)
    found = [size for file in files for size in _sizes(read_photo(file.path).pixels, channels, patch_px)]
    if not found:
        raise InputError(
            f"{folder}: found no picture of at least {patch_px} px a side, expected some; add larger ones, or give a "
            "smaller --patch"
        )
    if sum(picture.numel() for picture in found) > MOST_BYTES:
        raise InputError(f"{folder}: found more than {MOST_BYTES >> 30} GiB of pictures; give fewer, or smaller ones")
    digest = hashlib.sha256(" ".join(sorted(file.sha256 for file in files)).encode()).hexdigest()
    return Sources(tuple(found), digest)


def draw_patches(sources: Sources, count: int, patch_px: int, draw: torch.Generator) -> Tensor:
    """Return random patches [count, channels, patch_px, patch_px] in [0, 1], turned and mirrored.

    A picture is drawn by its side, not its area, so that a large one is not seen alone.
    """
    sides = torch.tensor([math.sqrt(picture.shape[1] * picture.shape[2]) for picture in sources.pictures])
    drawn = torch.multinomial(sides, count, replacement=True, generator=draw).tolist()
    return torch.stack([_patch(sources.pictures[index], patch_px, draw) for index in drawn])


def _sizes(pixels: object, channels: int, patch_px: int) -> Sequence[Tensor]:
    picture = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    picture = picture if channels == 3 else luma(picture)
    found = []
    for shrunk in SHRUNK:
        size = [round(side * shrunk) for side in picture.shape[2:]]
        if min(size) >= patch_px:
            resized = picture
            if shrunk < 1:
                resized = functional.interpolate(picture, size, mode="bicubic", antialias=True, align_corners=False)
            found.append(resized[0].round().clamp(0, 255).to(torch.uint8))
    return found


def _patch(picture: Tensor, patch_px: int, draw: torch.Generator) -> Tensor:
    top, left = (int(torch.randint(side - patch_px + 1, (), generator=draw)) for side in picture.shape[1:])
    patch = picture[:, top : top + patch_px, left : left + patch_px].float() / 255
    turns, mirrored = int(torch.randint(4, (), generator=draw)), bool(torch.rand((), generator=draw) < 0.5)
    patch = torch.rot90(patch, turns, (1, 2))
    return patch.flip(2) if mirrored else patch
