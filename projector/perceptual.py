"""How far apart two pictures look: a weighted sum of terms, each a class in one table, by name.

A soft mask, the focus, may say where pictures shall be alike: every term weighs its places by it.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self

Held = TypeVar("Held")
SMALLEST_PX = 8  # of the scales at which pixels are compared


@dataclass(frozen=True)
class Weights:
    """Shares of the terms in the distance; found by eye and by likeness on the portraits (docs/projection.md)."""

    features: float = 1.0  # of the model's own discriminator; without one the term is left out
    pixels: float = 1.0
    lpips: float = 0.0  # through the package `lpips` and the weights of VGG16

    def __post_init__(self) -> None:
        values = [getattr(self, field.name) for field in fields(self)]
        if not all(0 <= value < float("inf") for value in values) or not any(values):
            raise InputError(f"loss: found {format_weights(self)}, expected weights of 0 or more, one of them above 0")


def parse_weights(text: str) -> Weights:
    """Read `features=1,pixels=0.5`; a term that is not named has the weight 0. Raises InputError."""
    weights = dict.fromkeys(TERMS, 0.0)
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            weights[_known(name.strip())] = float(number)
        except ValueError as error:
            raise InputError(f"loss: found {part!r}, expected NAME=WEIGHT such as features=1,pixels=1") from error
    return Weights(**weights)


def format_weights(weights: Weights) -> str:
    """Write what `parse_weights` reads."""
    return ",".join(f"{field.name}={getattr(weights, field.name):g}" for field in fields(weights))


def _known(name: str) -> str:
    if name not in TERMS:
        raise InputError(f"loss: found the term {name!r}, expected one of {', '.join(TERMS)}")
    return name


class Term(Protocol):
    """One way to compare with pictures that are held; what is needed of these is computed once."""

    def __init__(self, pictures: Tensor, discriminator: Discriminator | None, focus: Tensor | None) -> None: ...

    def distance(self, pictures: Tensor) -> Tensor:
        """Return the distance [N] of pictures [N, 3, R, R] to those held, 0 for the same."""
        ...

    def kept(self, rows: Tensor) -> Self:
        """The same for these of the pictures alone (indices, or a mask)."""


class PixelTerm:
    """Mean squared difference at full size, half, … down to 8 px, averaged over the scales."""

    def __init__(self, pictures: Tensor, discriminator: Discriminator | None, focus: Tensor | None) -> None:
        self.pictures, self.focus = pictures, focus

    def distance(self, pictures: Tensor) -> Tensor:
        """[N, 3, R, R] -> [N]."""
        return pixel_distance(pictures, self.pictures, focus=self.focus)

    def kept(self, rows: Tensor) -> Self:
        """For these alone."""
        return _with(self, pictures=self.pictures[rows], focus=_rows(self.focus, rows))


class FeatureTerm:
    """LPIPS (Zhang et al. 2018, equation 1) with all weights 1, on the features of the model's discriminator."""

    def __init__(self, pictures: Tensor, discriminator: Discriminator | None, focus: Tensor | None) -> None:
        if discriminator is None:
            raise InputError("loss: features need the model's discriminator, which its file lacks; use pixels or lpips")
        self.discriminator, self.focus = discriminator, focus
        with torch.no_grad():
            self.features = discriminator.unit_features(pictures)

    def distance(self, pictures: Tensor) -> Tensor:
        """[N, 3, R, R] -> [N]: squared difference, mean over places, sum over levels."""
        levels = zip(self.discriminator.unit_features(pictures), self.features, strict=True)
        return torch.stack(
            [focused_mean((x - y).square().sum(dim=1, keepdim=True), self.focus) for x, y in levels]
        ).sum(dim=0)

    def kept(self, rows: Tensor) -> Self:
        """For these alone."""
        return _with(self, features=[level[rows] for level in self.features], focus=_rows(self.focus, rows))


class LpipsTerm:
    """LPIPS as published, on VGG16; where there is a focus, its map of distances is weighed by it."""

    def __init__(self, pictures: Tensor, discriminator: Discriminator | None, focus: Tensor | None) -> None:
        from stylegan2.train.metric_lpips import find_vgg, open_lpips  # reads a file of 500 MB: only where asked for

        self.pictures, self.focus = pictures, focus
        self.lpips = open_lpips(find_vgg(), pictures.device)
        self.lpips.network.spatial = focus is not None  # type: ignore[assignment]  # the package's own switch

    def distance(self, pictures: Tensor) -> Tensor:
        """[N, 3, R, R] -> [N]."""
        if self.focus is None:
            return self.lpips(pictures, self.pictures)
        return focused_mean(self.lpips(pictures, self.pictures).unflatten(0, (len(pictures), 1, *self.focus.shape[2:])),
                            self.focus)  # fmt: skip

    def kept(self, rows: Tensor) -> Self:
        """For these alone."""
        return _with(self, pictures=self.pictures[rows], focus=_rows(self.focus, rows))


TERMS: dict[str, type[Term]] = {"features": FeatureTerm, "pixels": PixelTerm, "lpips": LpipsTerm}


class Target:
    """Pictures [N, 3, R, R] in [-1, 1] to compare with; what is needed of them is computed once.

    focus [N, 1, R, R], 0 or more: the weight of every place, None = all alike. Features are left out where there is no
    discriminator. Raises InputError for a focus of 0 all over, or of another shape, and where no term is left.
    """

    def __init__(
        self,
        pictures: Tensor,
        discriminator: Discriminator | None,
        weights: Weights = Weights(),
        focus: Tensor | None = None,
    ) -> None:
        self.pictures = pictures
        _check_focus(focus, pictures)
        shares = {field.name: getattr(weights, field.name) for field in fields(weights)}
        if discriminator is None and any(share for name, share in shares.items() if name != "features"):
            shares["features"] = 0.0
        self.terms = [(w, TERMS[name](pictures, discriminator, focus)) for name, w in shares.items() if w]

    def distance(self, pictures: Tensor) -> Tensor:
        """Return the distance [N] of pictures [N, 3, R, R] to the target, 0 for the same picture."""
        return torch.stack([weight * term.distance(pictures) for weight, term in self.terms]).sum(dim=0)

    def kept(self, rows: Tensor) -> Target:
        """A target of these pictures alone (indices, or a mask)."""
        terms = [(weight, term.kept(rows)) for weight, term in self.terms]
        return _with(self, pictures=self.pictures[rows], terms=terms)


def pixel_distance(
    pictures: Tensor, target: Tensor, smallest_px: int = SMALLEST_PX, focus: Tensor | None = None
) -> Tensor:
    """Mean squared difference at full size, half, … down to `smallest_px`, averaged over scales: [N]."""
    levels = []
    difference = pictures - target
    while True:
        levels.append(focused_mean(difference.square().mean(dim=1, keepdim=True), focus))
        if difference.shape[-1] // 2 < smallest_px:
            return torch.stack(levels).mean(dim=0)
        difference = F.avg_pool2d(difference, 2)


def focused_mean(levels: Tensor, focus: Tensor | None) -> Tensor:
    """Mean of [N, 1, h, w] over places, weighed by the focus [N, 1, H, W] reduced to their size: [N]."""
    if focus is None:
        return levels.mean(dim=[1, 2, 3])
    weights = F.adaptive_avg_pool2d(focus, levels.shape[2:])  # type: ignore[arg-type]  # a torch.Size is a tuple
    return (levels * weights).sum(dim=[1, 2, 3]) / weights.sum(dim=[1, 2, 3])


def _check_focus(focus: Tensor | None, pictures: Tensor) -> None:
    if focus is None:
        return
    expected = (pictures.shape[0], 1, *pictures.shape[2:])
    if tuple(focus.shape) != expected:
        raise InputError(f"focus: found shape {tuple(focus.shape)}, expected {expected}, one weight for each pixel")
    if bool((focus < 0).any()) or not bool((focus.sum(dim=[1, 2, 3]) > 0).all()):
        raise InputError("focus: found weights below 0, or a picture with none above it; expected 0 or more")


def _rows(focus: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if focus is None else focus[rows]


def _with(held: Held, **changed: Any) -> Held:
    """A copy that holds other tensors and shares the rest."""
    other = copy(held)
    vars(other).update(changed)
    return other
