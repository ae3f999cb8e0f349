"""Adaptive discriminator augmentation (Karras et al. 2020a, appendix B): what is drawn, and doing it.

Every transformation is drawn per picture with probability p, so that for p < 1 it cannot leak into the generator. What
is not drawn is the identity. `draw_changes` knows no picture and `apply_changes` no chance: so a batch that is cut into
parts draws once, for all of it. Pictures are [N, 3, H, W] in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stylegan2.train.augment_colour import apply_colour, colour_matrices
from stylegan2.train.augment_corruption import apply_gains, apply_holes, draw_gains, draw_holes, draw_noise
from stylegan2.train.augment_geometry import apply_geometry, blit_matrices, geometry_matrices
from stylegan2.train.config import AUGPIPES
from stylegan2.train.dice import Dice
from stylegan2.train.parts import at


@dataclass(frozen=True)
class Changes:
    """What is to be done to each of N pictures, in this order; None is nothing."""

    matrices: Tensor | None = None  # [N, 3, 3], geometry
    colours: Tensor | None = None  # [N, 4, 4]
    gains: Tensor | None = None  # [N, 4], of frequency bands
    noise: Tensor | None = None  # [N, 3, H, W]
    holes: Tensor | None = None  # [N, 3]

    def at(self, places: Sequence[int]) -> Changes:
        """Return the changes of some of the pictures."""
        drawn = {field.name: getattr(self, field.name) for field in fields(self)}
        return Changes(**{name: None if tensor is None else at(tensor, places) for name, tensor in drawn.items()})


def augment(pictures: Tensor, p: float, generator: torch.Generator, pipe: str = "bgc") -> Tensor:
    """Return pictures [N, 3, H, W], each changed at random with probability p per transformation."""
    size = (pictures.shape[3], pictures.shape[2])
    return apply_changes(pictures, draw_changes(pipe, pictures.shape[0], size, p, generator))


def draw_changes(pipe: str, count: int, size: tuple[int, int], p: float, generator: torch.Generator) -> Changes:
    """Draw for `count` pictures of (width, height) `size` px what `pipe`, a name in AUGPIPES, does with probability p.

    p = 0 draws nothing.
    """
    if p <= 0:
        return Changes()
    dice, kinds = Dice(count, p, generator), AUGPIPES[pipe]
    moves = [draw(dice, size) for kind, draw in (("blit", blit_matrices), ("geom", geometry_matrices)) if kind in kinds]
    return Changes(
        matrices=moves[0] @ moves[1] if len(moves) == 2 else next(iter(moves), None),
        colours=colour_matrices(dice) if "color" in kinds else None,
        gains=draw_gains(dice) if "filter" in kinds else None,
        noise=draw_noise(dice, size) if "noise" in kinds else None,
        holes=draw_holes(dice) if "cutout" in kinds else None,
    )


def apply_changes(pictures: Tensor, changes: Changes) -> Tensor:
    """Change pictures [N, 3, H, W]; gradients flow through to them, twice."""
    if changes.matrices is not None:
        still = torch.eye(3, device=changes.matrices.device)
        pictures = _apply_where_needed(apply_geometry, pictures, changes.matrices, still)
    if changes.colours is not None:
        pictures = apply_colour(pictures, changes.colours)
    if changes.gains is not None:
        pictures = _apply_where_needed(apply_gains, pictures, changes.gains, torch.ones_like(changes.gains[0]))
    if changes.noise is not None:
        pictures = pictures + changes.noise
    return pictures if changes.holes is None else apply_holes(pictures, changes.holes)


def _apply_where_needed(
    apply: Callable[[Tensor, Tensor], Tensor], pictures: Tensor, drawn: Tensor, identity: Tensor
) -> Tensor:
    """Leave alone what would come out as it is: that spares most of the work at the small p of most runs."""
    needed = (drawn != identity).flatten(1).any(dim=1).nonzero()[:, 0]
    if not len(needed):
        return pictures
    return pictures.index_copy(0, needed, apply(pictures[needed], drawn[needed]))
