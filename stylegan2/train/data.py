"""Pictures as a training set, and an order of showing them that any batch number reproduces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from stylegan2.train.labels import label_matrix
from stylegan2.train.loader import MEMORY_LIMIT, KeptPixels, Reader, ReadPixels, Skipped, Told, check_pictures
from stylegan2.train.sources import PictureSource, open_source

ORDER, MIRROR = 0, 1  # purposes of random numbers; those from 2 on belong to the step


class Batch(NamedTuple):
    """What one step is shown."""

    pictures: Tensor  # [N, 3, size, size] in [-1, 1]
    labels: Tensor | None  # [N, num_classes]; None where the data has none


class Dataset(Protocol):
    """Pictures of one size in an endless order; batch i is the same whatever was asked for before."""

    size_px: int
    num_classes: int  # length of a label, 0 where there are none

    def __len__(self) -> int: ...

    def batch(self, number: int, count: int, seed: int, *, mirror: bool, places: Sequence[int] | None = None) -> Batch:
        """Return the pictures of a batch of `count`, or of its `places` alone, in their order."""
        ...

    def labels(self, number: int, count: int, seed: int, stream: int) -> Tensor | None:
        """Return [count, num_classes], drawn from the data's own labels by numbers of that stream; None without."""
        ...


class PictureDataset:
    """The pictures of a source, as uint8 [3, size, size]: in memory where they fit, else read ahead.

    Which pictures can be read is settled at the start, and the order is over these alone; both ways of keeping them
    give the same batches, bit for bit. One that can no longer be read later (a disk has gone) is replaced by the next
    readable one. `skipped` names what could not be read, with reasons. `told` is called with a line for each as it is
    found, and for each of `remarks`, which are on the source as a whole.

    `num_classes` is 0 unless every readable picture has a label.
    """

    def __init__(
        self,
        source: PictureSource,
        size_px: int,
        *,
        workers: int | None = None,
        memory_limit: int = MEMORY_LIMIT,
        told: Told | None = None,
    ) -> None:
        """Read every picture once, with `workers` threads (None: as many as suit the machine).

        Raises InputError where more than half of them cannot be read, the first of which it names.
        """
        self.size_px, self.name = size_px, Path(source.place).name
        self.remarks = source.remarks
        if told is not None:
            for remark in self.remarks:
                told(remark)
        self._reader = Reader(source, size_px, workers, told)
        kept = KeptPixels(self._reader) if self._reader.bytes_of_all <= memory_limit else None
        readable = check_pictures(self._reader, kept)
        self.names = tuple(source.names[i] for i in readable)
        self._pixels = ReadPixels(self._reader, readable) if kept is None else kept
        labels = [label for name in self.names if (label := source.label(name)) is not None]
        self.num_classes = source.labels.num_classes if len(labels) == len(self.names) else 0
        self._labels = labels if self.num_classes else []
        self._order_of = lru_cache(maxsize=2)(epoch_order)  # shuffling a million takes longer than reading a batch

    def __len__(self) -> int:
        return len(self.names)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """(name, reason) of the pictures that could not be read, in the order in which that was found."""
        return tuple(self._reader.skipped)

    def batch(self, number: int, count: int, seed: int, *, mirror: bool, places: Sequence[int] | None = None) -> Batch:
        """Return a batch, the same for the same number, count and seed; `places` chooses pictures of it.

        Raises InputError where so many pictures have become unreadable that the rest is no more the data set.
        """
        wanted = range(count) if places is None else places
        chosen = self._chosen(number, count, seed, wanted)
        self._pixels.expect(lambda ahead: self._chosen(number + ahead, count, seed, wanted))
        pixels, chosen = self._pixels.take(chosen)
        pictures = from_bytes(pixels)
        if mirror:
            flips = (torch.rand([count, 1, 1, 1], generator=seeded(seed, MIRROR, number)) < 0.5)[list(wanted)]
            pictures = torch.where(flips, pictures.flip(3), pictures)
        return Batch(pictures, self._matrix(chosen))

    def _chosen(self, number: int, count: int, seed: int, places: Sequence[int]) -> list[int]:
        shown = list(shuffled_indices(len(self), number * count, count, seed, self._order_of))
        return [shown[place] for place in places]

    def labels(self, number: int, count: int, seed: int, stream: int) -> Tensor | None:
        """Return labels [count, num_classes] of pictures drawn with repetition, for what a generator makes."""
        drawn = torch.randint(len(self), [count], generator=seeded(seed, stream, number)).tolist()
        return self._matrix(drawn)

    def _matrix(self, indices: Sequence[int]) -> Tensor | None:
        return label_matrix([self._labels[i] for i in indices], self.num_classes) if self.num_classes else None


def open_dataset(
    path: str | Path,
    size_px: int,
    *,
    workers: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    told: Told | None = None,
) -> PictureDataset:
    """Open a folder or zip, in any layout of `sources`, as a training set of pictures of size_px.

    Pictures are set upright by their EXIF; those that are not square are cropped around their middle; what is
    transparent becomes white, and 16-bit greys 8-bit ones. Raises InputError as `open_source` and PictureDataset.
    """
    return PictureDataset(open_source(path), size_px, workers=workers, memory_limit=memory_limit, told=told)


def from_bytes(pixels: Tensor) -> Tensor:
    """uint8 -> [-1, 1]."""
    return pixels.to(torch.float32) / 127.5 - 1


def count_classes(path: str | Path) -> int:
    """Return the number of classes of labelled pictures, 0 where any of them has no label."""
    source = open_source(path)
    return source.labels.num_classes if all(source.label(name) is not None for name in source.names) else 0


def shuffled_indices(
    size: int, start: int, count: int, seed: int, order_of: Callable[[int, int, int], Tensor] | None = None
) -> Iterator[int]:
    """Yield places start … start + count − 1 of an endless order that is a new permutation of `size` each epoch.

    `order_of` stands for `epoch_order`, for who remembers what it returned.
    """
    epoch, place = divmod(start, size)
    while count > 0:
        order = (order_of or epoch_order)(size, epoch, seed)[place : place + count].tolist()
        yield from order
        count -= len(order)
        epoch, place = epoch + 1, 0


def epoch_order(size: int, epoch: int, seed: int) -> Tensor:
    """Return the permutation [size] of an epoch."""
    return torch.randperm(size, generator=seeded(seed, ORDER, epoch))


def seeded(seed: int, stream: int, number: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator for one purpose (`stream`) of one batch or epoch: so a resumed run needs no saved state."""
    state = int(np.random.SeedSequence([seed, stream, number]).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(state & (2**63 - 1))
