from __future__ import annotations

import math

import pytest
import torch

from blendgan.dfi.features import space_about
from blendgan.dfi.finishing import match_colours, without_artefacts
from blendgan.dfi.reverse import Solver, Step, reconstruct, total_variation
from stylegan2.errors import InputError


def solve(space, targets, start, solver):
    search, steps = reconstruct(space, targets, start, solver), []
    while True:
        try:
            steps.append(next(search))
        except StopIteration as end:
            return end.value, steps


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_total_variation_is_the_papers_sum(beta):
    z = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = []
    for picture in z.tolist():
        total = 0.0
        for plane in picture:
            for i in range(5):
                for j in range(4):
                    across = plane[i][j + 1] - plane[i][j] if j < 3 else 0
                    down = plane[i + 1][j] - plane[i][j] if i < 4 else 0
                    total += (across**2 + down**2) ** (beta / 2)
        expected.append(total)
    assert total_variation(z, beta).tolist() == pytest.approx(expected, rel=1e-12)


def test_the_way_back(features, picture):
    """From another picture, to the features of one: they are reached, and so is that picture, by most of the way."""
    goal, start = picture(0), picture(1)
    space = space_about(features, goal)
    target = space.of(goal)
    found, steps = solve(space, target, start, Solver(150, variation=0.0))
    before, after = ((space.of(x) - target).square().mean() for x in (start, found))
    assert float(after) < 0.01 * float(before)
    assert float((found - goal).square().mean()) < 0.3 * float((start - goal).square().mean())
    assert isinstance(steps[0], Step)
    assert [step.index for step in steps] == list(range(1, len(steps) + 1))
    losses = [step.loss for step in steps]
    assert losses == sorted(losses, reverse=True)


def test_each_picture_is_a_search_by_itself(features, picture):
    start = torch.cat([picture(1), picture(2)])
    space = space_about(features, picture(0))
    targets = space.of(picture(0)).expand(2, -1)
    both, _ = solve(space, targets, start, Solver(8))
    for i in range(2):
        alone, _ = solve(space, targets[i : i + 1], start[i : i + 1], Solver(8))
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-3, atol=1e-3)
    assert float((both[0] - both[1]).abs().max()) > 0.05


def test_a_photo_stays_where_nothing_pulls(features, picture):
    photo = picture(0)
    space = space_about(features, photo)
    found, steps = solve(space, space.of(photo), photo, Solver(30, variation=0.0))
    assert torch.equal(found, photo)
    assert len(steps) == 11  # and the search sees that it is at its end


def test_variation_smooths(features, picture):
    photo = picture(0) + 0.2 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    space = space_about(features, photo)
    sizes = [
        float(total_variation(solve(space, space.of(photo), photo, Solver(40, variation=weight))[0]))
        for weight in (0.0, 0.001, 0.1)
    ]
    assert sizes[0] > 1.1 * sizes[1] > 1.1 * 1.1 * sizes[2]


def test_features_that_are_not_finite(features, picture):
    space = space_about(features, picture(0))
    with pytest.raises(InputError, match="dfi: the features of the photo are not finite"):
        solve(space, torch.full_like(space.of(picture(0)), math.inf), picture(0), Solver(3))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"steps": 0}, "steps: found 0, expected at least 1"),
        ({"variation": math.nan}, "tv: found nan, expected a weight of 0 or more"),
        ({"variation": -1.0}, "tv: found -1"),
        ({"beta": 1.0}, "beta: found 1, expected 2 or more"),
    ],
)
def test_bad_solvers(values, line):
    with pytest.raises(InputError, match=line):
        Solver(**values)


def test_colours_match(picture):
    photo, other = picture(0), picture(1) * 0.4 + 0.3
    matched = match_colours(torch.cat([other, photo]), photo)
    assert float((other.mean(dim=(2, 3)) - photo.mean(dim=(2, 3))).abs().max()) > 0.1
    for each in matched:
        torch.testing.assert_close(each.mean(dim=(1, 2)), photo[0].mean(dim=(1, 2)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(each.std(dim=(1, 2)), photo[0].std(dim=(1, 2)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(matched[1:], photo, rtol=0, atol=1e-5)
    flat = match_colours(torch.zeros(1, 3, 4, 4), photo)
    torch.testing.assert_close(flat[0, :, 0, 0], photo[0].mean(dim=(1, 2)))


def test_artefacts_are_what_the_photo_lost(picture):
    photo, fault, change = picture(0), 0.1 * picture(1), 0.2 * picture(2)
    clean = without_artefacts(photo + fault + change, photo + fault, photo)
    torch.testing.assert_close(clean, photo + change)
