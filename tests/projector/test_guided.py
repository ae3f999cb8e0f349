"""The guided filter: exact where the target is affine in the guide, edges from the guide, trust obeyed."""

from __future__ import annotations

import numpy as np
import torch

from projector import guided


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_an_affine_function_of_the_colours_is_found_exactly():
    guide = noise(3, 40, 50)
    gain = torch.tensor([[0.5, -1.0, 0.25], [0.0, 2.0, 1.0]])
    target = torch.einsum("ci,ihw->chw", gain, guide) + 0.3
    planes = guided.fit(guide, target, torch.ones(1, 40, 50), 4, 1e-7)
    assert planes.shape == (8, 40, 50)
    torch.testing.assert_close(guided.apply(planes, guide), target, atol=1e-3, rtol=0)
    torch.testing.assert_close(planes[:6].mean(dim=(1, 2)), gain.flatten(), atol=1e-3, rtol=0)


def test_without_edges_it_is_a_mean_and_at_edges_it_follows_the_guide():
    flat = torch.full((3, 30, 30), 0.5)
    target = noise(1, 30, 30)
    smoothed = guided.apply(guided.fit(flat, target, torch.ones(1, 30, 30), 3, 1e-2), flat)
    twice = guided.box_mean(guided.box_mean(target, 3), 3)
    torch.testing.assert_close(smoothed[:, 6:-6, 6:-6], twice[:, 6:-6, 6:-6], atol=1e-3, rtol=0)
    step = (torch.arange(30) >= 15).float().expand(3, 30, 30)
    blurred = guided.box_mean(step[:1], 3)
    kept = guided.apply(guided.fit(step, blurred, torch.ones(1, 30, 30), 6, 1e-4), step)
    assert float((kept - step[:1]).abs().max()) < float((blurred - step[:1]).abs().max()) * 0.6


def test_what_is_not_trusted_is_told_by_pixels_of_like_colour():
    guide = noise(3, 30, 30)
    target = guide[:1] * 2
    broken, trust = target.clone(), torch.ones(1, 30, 30)
    broken[:, 10:14, 10:14], trust[:, 10:14, 10:14] = 9.0, 0.0
    told = guided.apply(guided.fit(guide, broken, trust, 5, 1e-6), guide)
    torch.testing.assert_close(told, target, atol=1e-2, rtol=0)
    misled = guided.apply(guided.fit(guide, broken, torch.ones(1, 30, 30), 5, 1e-6), guide)
    assert float((misled - target).abs().max()) > 1


def test_windows_are_cut_off_at_the_rim():
    picture = torch.from_numpy(np.arange(12.0).reshape(1, 3, 4))
    expected = [[picture[0, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean() for x in range(4)] for y in range(3)]
    torch.testing.assert_close(guided.box_mean(picture, 1)[0], torch.tensor(expected, dtype=torch.float64))
