"""Where a projection looks: a soft mask of the face in an aligned crop."""

from __future__ import annotations

import torch
from torch import Tensor

from stylegan2.errors import InputError

# Shares of the crop's side. FFHQ's alignment sets the eyes at a height of 0.466 and the mouth at 0.714 (means of 300
# portraits); hairline, chin and cheeks around them were drawn by eye.
CENTRE, HALF_WIDTH, ABOVE, BELOW = (0.497, 0.54), 0.31, 0.35, 0.39
TAPER = 0.25  # how much narrower the egg is at the chin
EDGE = 0.3  # how far, of its radius, the egg fades out: hair and jaw count in part


def face_focus(count: int, size: int, share: float) -> Tensor:
    """Return the weights of places [count, 1, size, size]: 1 on the face, 1 - share away from it.

    share in [0, 1]: 0 = everything counts alike, 1 = the face alone. Raises InputError for another.
    """
    if not 0 <= share <= 1:
        raise InputError(f"focus: found {share:g}, expected 0 (everything) to 1 (the face alone)")
    at = (torch.arange(size) + 0.5) / size
    down = (at[:, None] - CENTRE[1]) / torch.where(
        at[:, None] < CENTRE[1], ABOVE, BELOW
    )  # -1 at the top, 1 at the chin
    across = (at[None, :] - CENTRE[0]) / (HALF_WIDTH * (1 - TAPER * down.clamp(0, 1) ** 2))
    inside = ((1 + EDGE - torch.hypot(across, down)) / EDGE).clamp(0, 1)  # 1 up to the radius, 0 from 1 + EDGE on
    smooth = inside * inside * (3 - 2 * inside)
    return (1 - share + share * smooth).expand(count, 1, size, size)
