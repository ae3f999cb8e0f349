"""A picture restored tile by tile, in bounded memory: each tile with so much around it as the network looks at.

So the picture is that of the network run on the whole, to rounding, wherever the reach of the network is known. At the
picture's own edges a tile ends where the picture does, so the network pads there as it would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from blendgan.restoration.restorer import Restorer, Sizes, Window
from stylegan2.errors import CheckpointError, InputError

Pixels = NDArray[np.uint8]

# One layer's results in a tile, 64 MiB as float32: DnCNN, 64 channels, takes 0.4 GB in all at this size.
MOST_NUMBERS = 1 << 24
MOST_PX = 256  # a tile and its overlap where nothing is known of the network: by far the most fit 1 GB then
LEAST_PX = 16  # a tile without its overlap


class Restoring(Protocol):
    """What runs on a piece of a picture: a `Restorer`, or several under a mask (`regional.Regional`)."""

    @property
    def restorer(self) -> Restorer:
        """The network that says what there is to know of all."""
        ...

    def to(self, device: torch.device) -> Restoring:
        """It, after its networks moved to a device."""
        ...

    def run(self, pictures: Tensor, window: Window) -> Tensor:
        """[N, channels, H, W] of a piece that lies at `window` -> [N, channels, scale H, scale W]."""
        ...


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile that is done, `index` of `total`: its pixels, and the rows and columns of the result that they are."""

    index: int
    total: int
    window: Window
    pictures: Tensor  # [N, C, h, w] in [0, 1]


@dataclass(frozen=True)
class _Cut:
    """A tile's own part of the picture, and the larger part that the network is shown; in px of the input."""

    own: tuple[int, int]
    shown: tuple[int, int]


def restore(restoring: Restoring, pixels: Pixels, *, tile: int | None = None) -> Pixels:
    """Return the restored picture, uint8 [sH, sW, 3], of uint8 RGB [H, W, 3]; see `restored_tiles`."""
    restored = blank(restoring, pixels)
    for done in restored_tiles(restoring, pixels, tile=tile):
        put(restored, done)
    return restored


def restore_pictures(restoring: Restoring, pictures: Tensor, *, tile: int | None = None) -> Tensor:
    """Return restored pictures, float32 [N, C, sH, sW] in [0, 1], of [N, C, H, W] with C = 1 or 3, for measures."""
    count, channels, height, width = pictures.shape
    scale = restoring.restorer.scale
    restored = torch.empty(count, channels, height * scale, width * scale)
    for done in _tiles(restoring, pictures, tile):
        rows, columns = done.window
        restored[..., rows, columns] = done.pictures
    return restored


def restored_tiles(restoring: Restoring, pixels: Pixels, *, tile: int | None = None) -> Iterator[Tile]:
    """Yield the tiles of a restored picture; `tile` is their side in px of the input, None the one that memory allows.

    A grey network takes red, green and blue by themselves; a colour network takes a grey picture three times, and its
    three channels are averaged. Raises InputError for a side under LEAST_PX or a picture of another type, and
    CheckpointError where the network gives NaN or infinities.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise InputError(f"pixels: found {pixels.dtype} {list(pixels.shape)}, expected uint8 [H, W, 3]")
    shown = pixels[..., :1] if is_grey(pixels) else pixels
    return _tiles(restoring, torch.from_numpy(np.array(shown, order="C")).permute(2, 0, 1)[None], tile)


def count_tiles(restoring: Restoring, height: int, width: int, *, tile: int | None = None) -> int:
    """Return how many tiles a picture of height x width px is cut into."""
    side = _side(restoring.restorer, height, width, tile)
    return len(_cuts(height, side, restoring.restorer)) * len(_cuts(width, side, restoring.restorer))


def blank(restoring: Restoring, pixels: Pixels) -> Pixels:
    """Return the array that the tiles of a picture are put into, uint8 [sH, sW, 3]."""
    scale = restoring.restorer.scale
    return np.empty((pixels.shape[0] * scale, pixels.shape[1] * scale, 3), np.uint8)


def put(restored: Pixels, done: Tile) -> None:
    """Put a tile where it belongs; a grey one into all three channels."""
    levels = done.pictures[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu()
    restored[done.window] = levels.numpy()


def is_grey(pixels: Pixels) -> bool:
    """Whether red, green and blue are the same everywhere."""
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())


def _tiles(restoring: Restoring, pictures: Tensor, tile: int | None) -> Iterator[Tile]:
    """`pictures`: [N, C, H, W], uint8, or float in [0, 1]."""
    restorer = restoring.restorer
    height, width = pictures.shape[2:]
    side = _side(restorer, height, width, tile)
    rows, columns = (_cuts(length, side, restorer) for length in (height, width))
    cuts = [(row, column) for row in rows for column in columns]
    for index, (row, column) in enumerate(cuts, 1):
        shown = slice(*row.shown), slice(*column.shown)
        piece = pictures[..., shown[0], shown[1]].to(restorer.device)
        piece = piece.float().div(255) if piece.dtype == torch.uint8 else piece.float()
        with torch.inference_mode():
            output = _adapted(restoring, piece, shown)
        if not bool(output.isfinite().all()):
            raise CheckpointError(
                f"{restorer.name}: the network gives NaN or infinities for this picture; its weights are damaged, or "
                "these networks cannot be mixed"
            )
        own = output[..., _inside(row, restorer.scale), _inside(column, restorer.scale)]
        yield Tile(index, len(cuts), (_result(row, restorer.scale), _result(column, restorer.scale)), own.clamp(0, 1))


def _adapted(restoring: Restoring, pictures: Tensor, window: Window) -> Tensor:
    """Grey networks on colour: channel by channel, one at a time. Colour ones on grey: replicated, and averaged."""
    taken, found = restoring.restorer.channels, pictures.shape[1]
    if taken == found:
        return restoring.run(pictures, window)
    if taken == 1:
        return torch.cat([restoring.run(channel, window) for channel in pictures.split(1, dim=1)], dim=1)
    return restoring.run(pictures.expand(-1, taken, -1, -1), window).mean(dim=1, keepdim=True)


def _inside(cut: _Cut, scale: int) -> slice:
    """The tile's own part of what the network gives for the shown part."""
    start = (cut.own[0] - cut.shown[0]) * scale
    return slice(start, start + (cut.own[1] - cut.own[0]) * scale)


def _result(cut: _Cut, scale: int) -> slice:
    """The tile's own part of the restored picture."""
    return slice(cut.own[0] * scale, cut.own[1] * scale)


def _cuts(length: int, side: int, restorer: Restorer) -> list[_Cut]:
    """Cut one axis into tiles of nearly one size, which begin at whole multiples of what the network asks for."""
    multiple, count = restorer.sizes.multiple, math.ceil(length / side)
    ends = [min(length, round(length * i / count / multiple) * multiple) for i in range(count)] + [length]
    spans = [(start, end) for start, end in zip(ends, ends[1:], strict=False) if end > start]
    return [_Cut(span, _with_overlap(span, length, restorer.reach, restorer.sizes)) for span in spans]


def _with_overlap(span: tuple[int, int], length: int, reach: int, sizes: Sizes) -> tuple[int, int]:
    start = max(0, (span[0] - reach) // sizes.multiple * sizes.multiple)
    return start, min(length, -(-(span[1] + reach) // sizes.multiple) * sizes.multiple)


def _side(restorer: Restorer, height: int, width: int, tile: int | None) -> int:
    """The side of the tiles, without their overlap."""
    if tile is not None:
        if tile < LEAST_PX:
            raise InputError(f"tile: found {tile} px, expected at least {LEAST_PX}; choose more, or leave it out")
        return tile
    if restorer.whole_pictures:
        return max(height, width)
    most = math.isqrt(MOST_NUMBERS // restorer.width) if restorer.is_exact_in_tiles else MOST_PX
    return max(most - 2 * restorer.reach, restorer.reach, 4 * LEAST_PX)
