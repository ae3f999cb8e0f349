"""Reading pictures by several threads: all of them into memory, or each when its batch is near.

Threads, since Pillow decodes and resizes without Python's lock, and a thread that meets a broken file only raises.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.train.decoding import pixels_of
from stylegan2.train.sources import PictureSource

MEMORY_LIMIT = 2 * 10**9  # bytes of uint8 pixels that are kept in memory: 174,000 pictures of 64 px
MAX_WORKERS = 8  # more threads than that wait for each other
AHEAD = 3  # batches that are read while one is trained on
Pixels = NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Skipped(NamedTuple):
    """A picture that cannot be read, and why."""

    name: str
    reason: str


Told = Callable[[str], None]  # hears one line for each picture that is skipped


class Reader:
    """The pictures of a source, decoded by threads to uint8 [3, size, size], and the list of those that were none."""

    def __init__(self, source: PictureSource, size_px: int, workers: int | None, told: Told | None) -> None:
        self.names = source.names
        self.size_px = size_px
        self.workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
        self.skipped: list[Skipped] = []
        self._source = source
        self._told = told

    @property
    def bytes_of_all(self) -> int:
        """What all pictures together would take."""
        return len(self.names) * 3 * self.size_px**2

    def read(self, index: int) -> Pixels | Skipped:
        """Return a picture, or why it is none."""
        name = self.names[index]
        try:
            return pixels_of(self._source.open(name), name, self.size_px)
        except InputError as error:
            return Skipped(name, str(error).removeprefix(f"{name}: "))

    def skip(self, skipped: Skipped) -> None:
        """Remember and tell that a picture cannot be read."""
        self.skipped.append(skipped)
        if self._told is not None:
            self._told(f"{skipped.name}: {skipped.reason}; it is skipped")

    def refuse_if_most_are_skipped(self) -> None:
        """Raise InputError where more than half of the pictures cannot be read: the rest is another data set."""
        if 2 * len(self.skipped) > len(self.names):
            name, reason = self.skipped[0]
            raise InputError(
                f"{self._source.place}: {len(self.skipped)} of {len(self.names)} pictures cannot be used, the first is "
                f"{name}: {reason}; mend them, or choose other data"
            )


def mapped_ahead(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], waiting: int
) -> Iterator[Result]:
    """Do as `pool.map`, but with at most `waiting` items taken and results kept ahead of who uses them."""
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > waiting:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def check_pictures(reader: Reader, kept: KeptPixels | None) -> list[int]:
    """Read every picture once; return the indices of those that can be read. They go to `kept` where they fit.

    Raises InputError where that is less than half of them.
    """
    readable: list[int] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(reader.workers) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of doubtful metadata and large sizes
        every = mapped_ahead(pool, reader.read, range(len(reader.names)), 4 * reader.workers)
        for index, found in enumerate(every):
            if isinstance(found, Skipped):
                reader.skip(found)
                continue
            if kept is not None:
                kept.add(len(readable), found)
            readable.append(index)
    reader.refuse_if_most_are_skipped()
    return readable


class KeptPixels:
    """Pictures in memory: filled by `check_pictures`, one after the other."""

    def __init__(self, reader: Reader) -> None:
        self.pictures = torch.empty([len(reader.names), 3, reader.size_px, reader.size_px], dtype=torch.uint8)

    def add(self, place: int, pixels: Pixels) -> None:
        """Keep a picture."""
        self.pictures[place] = torch.from_numpy(pixels)

    def expect(self, chosen: Callable[[int], list[int]]) -> None:
        """All is here already."""

    def take(self, indices: Sequence[int]) -> tuple[Tensor, list[int]]:
        """Return uint8 [N, 3, size, size], and which pictures they are."""
        return self.pictures[list(indices)], list(indices)


class ReadPixels:
    """Pictures that are read when they are near: those of the next AHEAD batches wait in memory, and no more."""

    def __init__(self, reader: Reader, readable: Sequence[int]) -> None:
        self._reader = reader
        self._readable = readable
        self._lost: set[int] = set()  # what could be read at the start, and then no more
        self._pool = ThreadPoolExecutor(reader.workers, thread_name_prefix="pictures")
        self._near: dict[int, Future[Pixels | Skipped]] = {}

    def expect(self, chosen: Callable[[int], list[int]]) -> None:
        """Begin to read this batch and the next ones, `chosen(0)`, `chosen(1)` …; drop what is of none of them."""
        wanted = [index for ahead in range(AHEAD + 1) for index in chosen(ahead)]
        for index in set(self._near).difference(wanted):
            self._near.pop(index).cancel()
        for index in wanted:
            self._begin(index)

    def _begin(self, index: int) -> Future[Pixels | Skipped]:
        if index not in self._near:
            self._near[index] = self._pool.submit(self._reader.read, self._readable[index])
        return self._near[index]

    def take(self, indices: Sequence[int]) -> tuple[Tensor, list[int]]:
        """Return uint8 [N, 3, size, size], and which pictures they are: the next readable one for one that is lost."""
        found = [self._next_readable(index) for index in indices]
        return torch.from_numpy(np.stack([pixels for pixels, _ in found])), [index for _, index in found]

    def _next_readable(self, index: int) -> tuple[Pixels, int]:
        while True:
            if index not in self._lost:
                found = self._begin(index).result()
                if not isinstance(found, Skipped):
                    return found, index
                self._lost.add(index)
                self._reader.skip(found)
                self._reader.refuse_if_most_are_skipped()
            index = (index + 1) % len(self._readable)
