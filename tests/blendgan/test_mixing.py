"""Mixtures take exactly the layers that were asked for, and stand where their captions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blendgan.images import enlarge, to_pictures
from blendgan.mixing import lay_out, mix, table
from stylegan2.errors import InputError


def styles(first: int, count: int) -> torch.Tensor:
    """ws [count, 6, 2]; every face has one number of its own."""
    return torch.arange(first, first + count, dtype=torch.float32)[:, None, None].expand(count, 6, 2)


def test_layers_are_the_columns_and_the_others_the_rows():
    mixed = mix(styles(0, 2), styles(10, 3), (0, 4))
    assert mixed.shape == (2, 3, 6, 2)
    assert mixed[1, 2, :, 0].tolist() == [12, 1, 1, 1, 12, 1]
    assert mixed[0, 1, :, 1].tolist() == [11, 0, 0, 0, 11, 0]


def test_all_layers_are_the_column():
    assert torch.equal(mix(styles(0, 1), styles(5, 1), range(6))[0], styles(5, 1))


@pytest.mark.parametrize(("layers", "found"), [((5, 6, 7), "6, 7"), ((), "none")])
def test_layers_that_the_model_does_not_have(layers, found):
    with pytest.raises(InputError) as caught:
        mix(styles(0, 1), styles(1, 1), layers)
    assert str(caught.value) == f"layers: found {found}; this model has style layers 0 … 5, choose among them"


def test_the_sheet_has_the_sources_first():
    order = [one[:, 0].tolist() for one in table(styles(0, 2), styles(10, 3), (0,))]
    assert [row[0] for row in order] == [10, 11, 12, 0, 10, 11, 12, 1, 10, 11, 12]
    assert [row[5] for row in order] == [10, 11, 12, 0, 0, 0, 0, 1, 1, 1, 1]


def test_the_sheet_shows_each_picture_in_its_place():
    levels = torch.linspace(-1, 1, 11)
    images = [torch.full((1, 3, 16, 16), float(level)) for level in levels]
    sheet = np.asarray(lay_out(images, (0, 1), (4, 5, 6)))
    height, width = sheet.shape[:2]
    seen = [[sheet[height - 64 - 130 * up, width - 64 - 130 * left, 0] for left in (3, 2, 1, 0)] for up in (2, 1, 0)]
    expected = [to_pictures(image)[0].getpixel((0, 0))[0] for image in images]
    assert np.concatenate(seen).tolist() == [255, *expected]
    assert enlarge(to_pictures(images[0])[0], 128).size == (128, 128)
