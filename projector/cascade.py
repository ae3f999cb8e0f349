"""The cascade of MTCNN: windows proposed at all scales, then judged and moved twice (Zhang et al. 2016, section II).

Boxes are [N, 4] = (x0, y0, x1, y1), squares [N, 4] = (centre x, centre y, side, roll in rad), in px of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from projector.mtcnn import OUTPUT_WINDOW, PROPOSAL_STRIDE, PROPOSAL_WINDOW, REFINEMENT_WINDOW, Answer, Networks, infer
from projector.pyramid import Pyramid, cut_windows, place

PROPOSAL_SCORE, REFINEMENT_SCORE, OUTPUT_SCORE = 0.6, 0.7, 0.7  # the authors' thresholds
LEVEL_OVERLAP, STAGE_OVERLAP, FINAL_OVERLAP = (
    0.5,
    0.7,
    0.7,
)  # and theirs for suppression: IoU, IoU, share of the smaller
MAX_PROPOSALS = 1000  # per level, the best: bounds the time on texture; of eleven photos of 1024 px none had over 312
MIRRORED = [1, 0, 2, 4, 3]  # which point a point is in the mirror
FIRST_LEVEL = 2  # half scale: the proposal network's 12 px are 24 px of the picture, and no smaller face is sought


class Found(NamedTuple):
    """N candidates: boxes [N, 4], scores [N] in [0, 1], points [N, 5, 2]."""

    boxes: Tensor
    scores: Tensor
    points: Tensor


def find(networks: Networks, pyramid: Pyramid) -> Found:
    """Run the three stages; best score first."""
    boxes, scores = propose(networks, pyramid)
    found = judge(networks, pyramid, upright_squares(boxes))
    keep = found.scores >= OUTPUT_SCORE
    found = Found(*(part[keep] for part in found))
    keep = suppress(found.boxes, found.scores, FINAL_OVERLAP, share_of_smaller)
    return Found(*(part[keep] for part in found))


def propose(networks: Networks, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
    """Stages 1 and 2: boxes [N, 4] that the refinement network takes for faces, and its scores [N]."""
    levels = [_proposals(networks, pyramid, i) for i in range(FIRST_LEVEL, len(pyramid.levels))]
    boxes = torch.cat([torch.zeros(0, 4), *(boxes for boxes, _ in levels)])
    scores = torch.cat([torch.zeros(0), *(scores for _, scores in levels)])
    boxes = boxes[suppress(boxes, scores, STAGE_OVERLAP, share_of_union)]
    squares = upright_squares(boxes)
    answer = infer(networks.refinement, cut_windows(pyramid, squares, REFINEMENT_WINDOW))
    keep = answer.probability >= REFINEMENT_SCORE
    boxes, scores = shifted(squares[keep], answer.shift[keep]), answer.probability[keep]
    keep = suppress(boxes, scores, STAGE_OVERLAP, share_of_union)
    return boxes[keep], scores[keep]


def judge(networks: Networks, pyramid: Pyramid, squares: Tensor) -> Found:
    """Stage 3: ask the output network about squares [N, 4]; boxes are those of upright squares."""
    answer = infer(networks.output, cut_windows(pyramid, squares, OUTPUT_WINDOW))
    return Found(shifted(squares, answer.shift), answer.probability, place(squares, answer.points - 0.5))


def judge_mirrored(networks: Networks, pyramid: Pyramid, squares: Tensor) -> tuple[Tensor, Tensor]:
    """Ask about the mirror images of squares [N, 4]: scores [N], and points [N, 5, 2] mirrored back."""
    answer = infer(networks.output, cut_windows(pyramid, squares, OUTPUT_WINDOW).flip(3))
    offsets = (answer.points[:, MIRRORED] - 0.5) * torch.tensor([-1.0, 1.0])
    return answer.probability, place(squares, offsets)


def _proposals(networks: Networks, pyramid: Pyramid, level: int) -> tuple[Tensor, Tensor]:
    answer: Answer = infer(networks.proposal, pyramid.levels[level])
    rows, columns = (answer.probability[0] >= PROPOSAL_SCORE).nonzero(as_tuple=True)
    scores, best = answer.probability[0, rows, columns].topk(min(len(rows), MAX_PROPOSALS))
    rows, columns = rows[best], columns[best]
    centres = torch.stack([columns, rows], 1) * PROPOSAL_STRIDE + PROPOSAL_WINDOW / 2
    sides = torch.full((len(rows), 1), float(PROPOSAL_WINDOW))
    squares = torch.cat([torch.cat([centres, sides], 1) / pyramid.scales[level], torch.zeros_like(sides)], 1)
    boxes = shifted(squares, answer.shift[0, :, rows, columns].T)
    keep = suppress(boxes, scores, LEVEL_OVERLAP, share_of_union)
    return boxes[keep], scores[keep]


def upright_squares(boxes: Tensor) -> Tensor:
    """Return the squares about boxes [N, 4] with their centres and longer sides."""
    low, high = boxes[:, :2], boxes[:, 2:]
    sides = (high - low).amax(1, keepdim=True)
    return torch.cat([(low + high) / 2, sides, torch.zeros_like(sides)], 1)


def shifted(squares: Tensor, shift: Tensor) -> Tensor:
    """Return the boxes of upright squares with their edges moved by `shift` [N, 4], shares of the side."""
    corners = torch.tensor([-0.5, -0.5, 0.5, 0.5])
    return squares[:, [0, 1, 0, 1]] + squares[:, 2:3] * (corners + shift)


def share_of_union(intersection: Tensor, area: Tensor, areas: Tensor) -> Tensor:
    """IoU."""
    return intersection / (area + areas - intersection)


def share_of_smaller(intersection: Tensor, area: Tensor, areas: Tensor) -> Tensor:
    """Share of the smaller box that the larger one covers: a face within a face counts as the same."""
    return intersection / torch.minimum(area, areas)


def suppress(
    boxes: Tensor, scores: Tensor, limit: float, overlap: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Tensor:
    """Indices of the boxes that overlap no better one by more than `limit`, best first (greedy; ties: first first)."""
    order = scores.argsort(descending=True, stable=True)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        high = torch.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        order = order[overlap(shared, areas[best], areas[order]) <= limit]
    return torch.tensor(kept, dtype=torch.long)
