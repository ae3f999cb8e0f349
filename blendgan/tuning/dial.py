"""The one α of a tuned network, which all its tuned layers look at: a number, or a map of the picture's size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from blendgan.restoration.region_map import resized
from stylegan2.errors import InputError

MOST_PADDING_PX = 256  # by networks that want whole windows or halvings
Alpha = float | Tensor  # in [0, 1]: 0 the first level, 1 the second; a map is [1, 1, H, W], one number for each pixel


class Dial:
    """What α is now. `level` is the number, which under a map is 0, or 1 `at_second`; `map` is None without one."""

    def __init__(self) -> None:
        self.level: float = 1.0
        self.map: Tensor | None = None
        self.unpadded: Tensor | None = None
        self.is_fitted = True

    def turn(self, alpha: Alpha) -> None:
        """Set α. Raises InputError for what is no number from 0 to 1, or no map of such."""
        if isinstance(alpha, Tensor):
            if alpha.ndim != 4 or alpha.shape[:2] != (1, 1) or not alpha.is_floating_point() or 0 in alpha.shape:
                raise InputError(f"alpha: found a map {list(alpha.shape)} of {alpha.dtype}, expected [1, 1, H, W]")
            if not bool(((alpha >= 0) & (alpha <= 1)).all()):
                raise InputError("alpha: found a map with numbers beyond 0 and 1, expected shares of the second level")
            self.level, self.map, self.unpadded, self.is_fitted = 0.0, alpha, alpha, False
        elif 0 <= alpha <= 1:
            self.level, self.map = float(alpha), None
        else:
            raise InputError(f"alpha: found {alpha:g}, expected a number from 0 (first level) to 1 (second level)")

    @contextmanager
    def at_second(self) -> Iterator[None]:
        """Within it, under a map, layers act as at α = 1."""
        before, self.level = self.level, 1.0
        try:
            yield
        finally:
            self.level = before

    @property
    def is_first(self) -> bool:
        """Whether everything is the main network's."""
        return self.map is None and self.level == 0

    def pad(self, height: int, width: int) -> None:
        """Repeat the map's last row and column, up to the size to which the network pads its picture."""
        if self.map is not None:
            tall, wide = self.map.shape[2:]
            self.map = functional.pad(self.map, (0, width - wide, 0, height - tall), "replicate")

    def fit(self, given: Tensor) -> None:
        """Pad the map as the network pads its picture itself; `given`: what its first layer is given, [N, C, h, w]."""
        if self.map is not None and not self.is_fitted and given.ndim == 4:
            (height, width), (tall, wide) = self.map.shape[2:], given.shape[2:]
            if 0 <= tall - height <= MOST_PADDING_PX and 0 <= wide - width <= MOST_PADDING_PX:
                self.pad(tall, wide)
        self.is_fitted = True

    def share_at(self, output: Tensor) -> Alpha:
        """α for a layer's result [N, C, h, w]: the number, or the map at its size [1, 1, h, w].

        Raises InputError for a layer whose results have another aspect than the map.
        """
        if self.map is None or self.unpadded is None:
            return self.level
        tall, wide = output.shape[2:] if output.ndim == 4 else (0, 0)
        for alpha in (self.map, self.unpadded):  # what a network pads, it also cuts
            height, width = alpha.shape[2:]
            if (tall, wide) == (1, 1) or abs(tall * width - wide * height) <= max(height, width):
                return resized(alpha, tall, wide).to(output)
        raise InputError(
            f"map: a layer gives {list(output.shape)} for a picture of {width} x {height} px, which no map fits; give "
            "one number (--alpha)"
        )


def between(first: Tensor, second: Tensor, share: Alpha) -> Tensor:
    """Return (1 - share) first + share second, by torch.lerp: `first` to the bit at 0 and where both are the same."""
    if isinstance(share, Tensor):
        return torch.lerp(first, second, share.expand(first.shape))
    return torch.lerp(first, second, share)
