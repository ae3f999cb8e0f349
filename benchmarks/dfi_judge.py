"""Whether a face has an attribute, by a classifier that has nothing to do with the features that DFI moves.

Logistic regression on histograms of oriented gradients (Dalal & Triggs 2005) of the attribute's place in the face, and
on its colours at 8 px: no network at all, so nothing of what the discriminator has learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from blendgan.dfi.sets import read_picture

SEEN_PX = 128  # faces come at this size
SIDE_PX = 64  # of what the judge sees
CELL_PX, ANGLES = 8, 9
COLOUR_PX = 8
MOVES_PX = (-2, 0, 2)  # each training face is seen moved sideways, and mirrored
WEIGHT_DECAY = 0.1  # of the standardised rows' weights, in the mean loss
FOLDS = 5
LEAST = 1e-6

Box = tuple[int, int, int]  # left, top, side in px of SEEN_PX


@dataclass(frozen=True, eq=False)
class Judge:
    """logit = (row - mean) / deviation · weights + bias; above 0: the target attribute."""

    box: Box
    mean: Tensor
    deviation: Tensor
    weights: Tensor
    bias: Tensor

    def logits(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, 128, 128] in [-1, 1] -> [N]; the mean of a face and its mirror image."""
        seen = [rows(x, self.box) for x in (pictures, pictures.flip(3))]
        both = [(each - self.mean) / self.deviation @ self.weights + self.bias for each in seen]
        return (both[0] + both[1]) / 2


def rows(pictures: Tensor, box: Box, move_px: int = 0) -> Tensor:
    """Pictures [N, 3, 128, 128] in [-1, 1] -> what the judge knows of each, float64 [N, D]."""
    left, top, side = box
    cut = pictures[:, :, top : top + side, left + move_px : left + move_px + side]
    seen = F.interpolate(cut, (SIDE_PX, SIDE_PX), mode="bilinear", antialias=True, align_corners=False).double()
    colours = F.adaptive_avg_pool2d(seen, COLOUR_PX)
    return torch.cat([_gradients(seen.mean(dim=1)).flatten(1), colours.flatten(1)], dim=1)


def _gradients(grey: Tensor) -> Tensor:
    """Grey [N, H, W] -> [N, ANGLES, cells, cells]: gradients by angle, each cell scaled by those around it."""
    padded = F.pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across, down = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    size = torch.hypot(across, down)
    angle = torch.atan2(down, across).remainder(torch.pi) * (ANGLES / torch.pi)
    steps = torch.arange(ANGLES)[:, None, None]
    apart = (angle[:, None] - steps + ANGLES / 2).remainder(ANGLES) - ANGLES / 2  # an angle of 180° is one of 0°
    cells = F.avg_pool2d((1 - apart.abs()).clamp(min=0) * size[:, None], CELL_PX, CELL_PX // 2)
    around = F.avg_pool2d(cells.square().sum(dim=1, keepdim=True), 3, 1, 1, count_include_pad=False)
    return cells / (around + 1e-4).sqrt()


def read_faces(files: Sequence[Path]) -> Tensor:
    """Pictures [N, 3, 128, 128] in [-1, 1]."""
    return torch.cat([read_picture(file, SEEN_PX, SEEN_PX) for file in files])


def train(source: Tensor, target: Tensor, box: Box) -> Judge:
    """Return the judge of two sets of pictures: 0 for `source`, 1 for `target`; both count alike."""
    seen = [
        torch.cat([rows(x, box, move) for x in (each, each.flip(3)) for move in MOVES_PX]) for each in (source, target)
    ]
    table = torch.cat(seen)
    wanted = torch.cat([torch.full((len(each),), float(i), dtype=table.dtype) for i, each in enumerate(seen)])
    counts = torch.cat([torch.full((len(each),), 0.5 / len(each), dtype=table.dtype) for each in seen])
    mean, deviation = table.mean(dim=0), table.std(dim=0).clamp(min=LEAST)
    scaled = (table - mean) / deviation
    weights = torch.zeros(table.shape[1], dtype=table.dtype, requires_grad=True)
    bias = torch.zeros([], dtype=table.dtype, requires_grad=True)
    search = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        wrong = F.binary_cross_entropy_with_logits(scaled @ weights + bias, wanted, reduction="none")
        total = (wrong * counts).sum() + WEIGHT_DECAY / 2 * weights.square().sum()
        total.backward()
        return total

    search.step(loss)
    return Judge(box, mean, deviation, weights.detach(), bias.detach())


def accuracy(judge: Judge, source: Tensor, target: Tensor) -> float:
    """The share that is judged rightly, both sets counting alike."""
    right = [(judge.logits(source) <= 0).double().mean(), (judge.logits(target) > 0).double().mean()]
    return float((right[0] + right[1]) / 2)


def cross_validated(source: Tensor, target: Tensor, box: Box) -> float:
    """The accuracy on a fifth of the faces by a judge trained on the others, the mean of the five."""
    found = []
    for fold in range(FOLDS):
        parts = []
        for each in (source, target):
            is_out = torch.arange(len(each)) % FOLDS == fold
            parts.append((each[~is_out], each[is_out]))
        judge = train(parts[0][0], parts[1][0], box)
        found.append(accuracy(judge, parts[0][1], parts[1][1]))
    return sum(found) / FOLDS
