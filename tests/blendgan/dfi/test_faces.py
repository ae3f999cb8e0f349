"""Real faces, by the lists in benchmarks/dfi and the shipped discriminator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blendgan.dfi.editing import Edit, Edited, Settings, edit_picture
from blendgan.dfi.features import open_features
from blendgan.dfi.reverse import Solver
from blendgan.dfi.sets import read_picture, read_set
from blendgan.regions import draw_region

LISTS = Path(__file__).resolve().parents[3] / "benchmarks" / "dfi"
PAIRS = {("no-glasses", "glasses"): "eyes", ("neutral", "smile"): "mouth", ("no-beard", "beard"): "mouth"}
SIDE_PX = 128


def test_the_lists_are_apart():
    for pair in PAIRS:
        source, target = (set((LISTS / f"{name}.txt").read_text(encoding="utf-8").split()) for name in pair)
        assert min(len(source), len(target)) >= 60
        assert not source & target


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "region"), PAIRS.items())
def test_what_changes_is_what_the_lists_say(shared, pair, region):
    """The change is largest in its region, and looks there like the difference of the sets' mean pictures.

    The face is in none of the lists; 0.3 of correlation would be no chance among some 5000 numbers.
    """
    faces = shared / "data" / "faces"
    sets = [read_set(LISTS / f"{name}.txt", faces) for name in pair]
    photo = read_picture(faces / "uk_0900.jpg", SIDE_PX, SIDE_PX)
    *_, result = edit_picture(open_features("portraits"), photo, [Edit(*sets, 0.4)], Settings(solver=Solver(25)))
    assert isinstance(result, Edited)
    change = result.picture - photo
    means = [torch.cat([read_picture(file, SIDE_PX, SIDE_PX) for file in each.files]).mean(dim=0) for each in sets]
    where = torch.from_numpy(draw_region(region)[:: 256 // SIDE_PX, :: 256 // SIDE_PX] > 0.5)
    inside, expected = change[0][:, where].flatten(), (means[1] - means[0])[:, where].flatten()
    outside = change[0][:, ~where]
    assert float(inside.square().mean()) > 1.5 * float(outside.square().mean())
    assert np.corrcoef(inside, expected)[0, 1] > 0.3
