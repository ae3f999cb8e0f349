"""The anchor: a term of the generator's loss that keeps a transfer blendable with the model that it came from.

In a blend with a high swap, TRANSFER's upper layers paint what BASE's lower layers have laid out. They can only do so
while they read it as BASE's own upper layers did. So the anchor draws such blends during training, and asks that their
light and shade, seen coarsely, stay where BASE has them. Colour, contrast and detail are free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator, State

COARSE_PX = 16  # side of the pictures that are compared: at 64 px and more, a face without its texture
SHARE = 4  # one of so many pictures of a batch is blended: the term changes little from batch to batch


@dataclass(frozen=True, eq=False)
class Anchor:
    """BASE, the swap resolutions at which TRANSFER shall give the high layers, and the weight of the term."""

    base: Generator
    swaps: tuple[int, ...]
    weight: float

    def __post_init__(self) -> None:
        check_swaps("anchor", self.swaps, self.base.config)

    def __call__(self, generator: Generator, ws: Tensor) -> Tensor:
        """ws [N, num_ws, w_dim] → weight · mean (1 − correlation), over pictures and swaps; it moves `generator`.

        The styles are taken as given: what they do to the blend is the mapping's policy, not the anchor's.
        """
        # The first of a part: one of each group that D compares (parts.py), so that it does not matter how it is cut.
        ws = ws[: max(len(ws) // SHARE, 1)].detach()
        with torch.no_grad():
            states = list(_states(self.base, self.base, ws, (None, None)))
        target = _picture(states[-1])
        misses = []
        for swap in self.swaps:
            level = self.base.config.resolutions.index(swap)
            *_, last = _states(generator, self.base, ws, states[level], first=level + 1)
            misses.append(1 - light_correlation(_picture(last), target))
        return self.weight * torch.stack(misses).mean()


def _states(generator: Generator, base: Generator, ws: Tensor, state: State, first: int = 0) -> Iterator[State]:
    """Yield what each block of `generator` from the `first` on makes of a state, with BASE's noise."""
    maps = base.synthesis.noise_maps(len(ws), "const")
    for block, styles, noise in list(generator.synthesis.steps(ws, maps))[first:]:
        state = block(*state, styles, noise)
        yield state


def _picture(state: State) -> Tensor:
    return cast(Tensor, state[1])  # the last block always draws


def light_correlation(pictures: Tensor, target: Tensor, side_px: int = COARSE_PX) -> Tensor:
    """Correlation [N] of the brightness of two sets of pictures [N, 3, H, W], averaged to at most `side_px` squares.

    1: light and shade are in the same places; it does not change with tint, brightness and contrast.
    """
    a, b = (_coarse_light(p, side_px) for p in (pictures, target))
    return F.cosine_similarity(a, b, dim=1)


def _coarse_light(pictures: Tensor, side_px: int) -> Tensor:
    """[N, 3, H, W] -> brightness less its mean [N, side · side]."""
    light = F.adaptive_avg_pool2d(pictures.mean(dim=1, keepdim=True), side_px).flatten(1)
    return light - light.mean(dim=1, keepdim=True)


def check_swaps(option: str, swaps: tuple[int, ...], config: GeneratorConfig) -> None:
    """Raises InputError unless there are swap resolutions, and layers above each of them."""
    inner = config.resolutions[:-1]
    if not swaps or any(swap not in inner for swap in swaps):
        found = ", ".join(map(str, swaps)) or "none"
        raise InputError(
            f"{option}: found swap resolutions {found}, expected some of {', '.join(map(str, inner))}: above them "
            "this model has layers; choose among these"
        )
