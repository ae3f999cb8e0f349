"""The residual denoiser: recognised by its keys, cut into tiles exactly, refused where a tensor does not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blendgan.restoration.recognition import recognise
from blendgan.restoration.tiles import restore
from stylegan2.errors import ShapeMismatch


@pytest.mark.parametrize(("kind", "channels", "blocks", "width"), [("residual", 3, 2, 8), ("grey", 1, 1, 4)])
def test_it_is_recognised(states, kind, channels, blocks, width):
    restorer = recognise(states(kind), "file")
    assert restorer.architecture == f"residual denoiser of {blocks} blocks of {width} channels"
    assert (restorer.channels, restorer.scale, restorer.sizes.multiple) == (channels, 1, 2)
    assert all(torch.equal(t, states(kind)[name]) for name, t in restorer.network.state_dict().items())


@pytest.mark.parametrize("size", [(61, 47), (64, 48)])
def test_tiles_are_the_whole(states, pictures, size):
    restorer = recognise(states("residual"), "file")
    pixels = pictures(1, 3, *size)[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    whole, cut = restore(restorer, pixels, tile=1000), restore(restorer, pixels, tile=16)
    assert whole.shape == (*size, 3)
    assert np.abs(whole.astype(int) - cut).max() <= 1


def test_its_reach_is_what_it_looks_at(states, pictures):
    restorer = recognise(states("residual"), "file")
    given = pictures(1, 3, 64, 96)
    moved = given.clone()
    moved[..., 48] += 0.5
    changed = (restorer.network(given) != restorer.network(moved))[0].any(dim=0).any(dim=0).nonzero().flatten()
    assert 0 < 48 - int(changed.min()) <= restorer.reach
    assert 0 < int(changed.max()) - 48 <= restorer.reach


def test_tensors_that_do_not_fit(states):
    tensors = states("residual")
    first = {name: tensor for name, tensor in tensors.items() if name != "head.weight"}
    with pytest.raises(ShapeMismatch, match="file: head.weight is missing, expected"):
        recognise(first, "file")
    inner = {name: tensor for name, tensor in tensors.items() if name != "blocks.0.conv1.bias"}
    with pytest.raises(ShapeMismatch, match=r"file: blocks.0.conv1.bias is missing, expected \[8\] for a residual"):
        recognise(inner, "file")
    with pytest.raises(ShapeMismatch, match="file: found blocks.77.conv1.weight, which a|blocks.77|blocks"):
        recognise({**tensors, "blocks.77.conv1.weight": tensors["blocks.0.conv1.weight"]}, "file")
