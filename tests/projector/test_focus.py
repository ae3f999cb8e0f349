"""The soft mask of the face."""

from __future__ import annotations

import pytest
import torch

from projector.focus import face_focus
from stylegan2.errors import InputError


def test_the_face_counts_and_its_surroundings_count_less() -> None:
    whole, part = (face_focus(2, 64, share) for share in (1.0, 0.6))
    assert whole.shape == (2, 1, 64, 64)
    for x, y in ((0.37, 0.465), (0.62, 0.467), (0.5, 0.6), (0.4, 0.714), (0.6, 0.714), (0.5, 0.88)):  # down to the chin
        assert whole[0, 0, int(64 * y), int(64 * x)] == 1
    for x, y in ((0, 0), (63, 0), (0, 63), (63, 63), (2, 32)):
        assert whole[0, 0, y, x] == 0
        assert part[0, 0, y, x] == pytest.approx(0.4)
    assert whole[0, 0, 58].sum() < whole[0, 0, 20].sum()  # narrower below
    assert 0.2 < whole.mean() < 0.5
    assert torch.equal(face_focus(1, 16, 0.0), torch.ones(1, 1, 16, 16))


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_other_shares_are_refused(share: float) -> None:
    with pytest.raises(InputError, match="expected 0 .everything. to 1"):
        face_focus(1, 8, share)
