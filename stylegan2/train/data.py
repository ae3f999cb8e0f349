"""A folder of pictures as a training set, and an order of showing them that any batch number reproduces."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from stylegan2.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# What Pillow raises on damaged files, and on those too large to be opened.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)


class Batch(NamedTuple):
    """Pictures [N, 3, size, size] in [-1, 1] and labels [N, num_classes], or None."""

    pictures: Tensor
    labels: Tensor | None


class Dataset(Protocol):
    """What training needs of pictures; num_classes 0 is a data set without labels."""

    @property
    def size_px(self) -> int: ...
    @property
    def num_classes(self) -> int: ...
    def __len__(self) -> int: ...
    def batch(
        self, number: int, count: int, seed: int, *, mirror: bool, places: Sequence[int] | None = None
    ) -> Batch: ...
    def labels(self, number: int, count: int, seed: int, stream: int) -> Tensor | None: ...


class FolderDataset:
    """Every picture below a folder, as uint8 [3, size, size], kept in memory once read.

    Pictures are set upright by their EXIF; those that are not square are cropped around their middle; what is
    transparent becomes white, and 16-bit greys 8-bit ones. Raises InputError for a folder without pictures,
    and for one that cannot be read, by name.
    """

    num_classes = 0

    def __init__(self, folder: str | Path, size_px: int) -> None:
        self.size_px = size_px
        self.files = sorted(f for f in Path(folder).rglob("*") if f.suffix.lower() in SUFFIXES)
        if not self.files:
            raise InputError(f"{folder}: found no pictures; expected a folder with {', '.join(SUFFIXES)} files")
        with ThreadPoolExecutor() as pool:
            self.pictures = torch.from_numpy(np.stack(list(pool.map(self._read, self.files))))  # [M, 3, size, size]

    def __len__(self) -> int:
        return len(self.files)

    def _read(self, file: Path) -> NDArray[np.uint8]:
        try:
            with Image.open(file) as picture:
                picture = as_rgb(picture)
                side = min(picture.size)
                left, top = (picture.width - side) // 2, (picture.height - side) // 2
                box = (left, top, left + side, top + side)
                resized = picture.resize((self.size_px, self.size_px), Image.Resampling.LANCZOS, box=box)
                pixels: NDArray[np.uint8] = np.moveaxis(np.array(resized), 2, 0)  # [3, size, size]
                return pixels
        except UNREADABLE as error:
            raise InputError(f"{file}: cannot be read as a picture ({error}); remove it or replace it") from error

    def batch(self, number: int, count: int, seed: int, *, mirror: bool, places: Sequence[int] | None = None) -> Batch:
        """Return pictures [count, 3, size, size] in [-1, 1], the same for the same number and seed.

        places: which of them, in this order; None is all.
        """
        here = torch.tensor(range(count) if places is None else places, dtype=torch.long)
        chosen = torch.tensor(list(shuffled_indices(len(self), number * count, count, seed)))[here]
        pictures = self.pictures[chosen].to(torch.float32) / 127.5 - 1
        if not mirror:
            return Batch(pictures, None)
        flips = torch.rand([count, 1, 1, 1], generator=seeded(seed, 1, number))[here] < 0.5
        return Batch(torch.where(flips, pictures.flip(3), pictures), None)

    def labels(self, number: int, count: int, seed: int, stream: int) -> None:
        """Return no labels: a plain folder has none."""


def count_classes(path: str | Path) -> int:
    """Return the length of the labels of some data: a folder of pictures has none."""
    return 0


def as_rgb(picture: Image.Image) -> Image.Image:
    """Return a picture of any mode upright, opaque, in RGB of 8 bits."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in SIXTEEN_BIT:
        return Image.fromarray((np.asarray(picture).clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    coloured = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def shuffled_indices(size: int, start: int, count: int, seed: int) -> Iterator[int]:
    """Yield places start … start + count − 1 of an endless order that is a new permutation of `size` each epoch."""
    epoch, place = divmod(start, size)
    while count > 0:
        order = torch.randperm(size, generator=seeded(seed, 0, epoch))[place : place + count].tolist()
        yield from order
        count -= len(order)
        epoch, place = epoch + 1, 0


def seeded(seed: int, stream: int, number: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator for one purpose (`stream`) of one batch or epoch: so a resumed run needs no saved state."""
    state = int(np.random.SeedSequence([seed, stream, number]).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state & (2**63 - 1))
