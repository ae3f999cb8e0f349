"""What an edit takes grows with the pixels, and what memory does not hold is said before the work."""

from __future__ import annotations

import re

import pytest
import torch

from blendgan.dfi import room
from blendgan.dfi.places import whole_place
from blendgan.dfi.room import bytes_free, bytes_needed, require_room
from projector.photo import read_photo
from stylegan2.errors import InputError

PIXELS = 32 * 32


def test_needs_grow_with_the_pixels(features):
    least = bytes_needed(features, 32, 32)
    assert least == pytest.approx(bytes_needed(features, 8, 8) * 16, rel=1e-3)
    assert bytes_needed(features, 64, 32) == pytest.approx(2 * least, rel=1e-3)
    pairs = 2 * 40 * 3 * 4 * PIXELS  # two searches, each with 20 pairs of changes of three colours
    rows = 8 * 4 * (8 * 16 * 16 + 8 * 8 * 8)
    assert pairs + rows < least < 5 * (pairs + rows)


def test_weights_are_no_part_of_it(features, monkeypatch):
    """They are there already, whatever the size."""
    before = bytes_needed(features, 32, 32)
    wide = torch.nn.Linear(4096, 4096)
    layers = features.layers

    def more(pictures):
        wide(pictures.new_zeros(1, 4096))
        return layers(pictures)

    monkeypatch.setattr(features, "layers", more)
    monkeypatch.setattr(features, "network", torch.nn.ModuleList([features.network, wide]))
    assert bytes_needed(features, 32, 32) < before + 16 * 8 * 4096 * 4


def test_too_little_room_is_said_with_a_size_that_fits(features, monkeypatch):
    needed = bytes_needed(features, 128, 64)
    monkeypatch.setattr(room, "bytes_free", lambda device: needed - 1)
    expected = r"size: 64 x 128 px would take about 0\.0 GB of memory, found 0\.0 GB free; choose at most --size (\d+)$"
    with pytest.raises(InputError, match=expected) as raised:
        require_room(features, 128, 64)
    fitting = int(re.search(expected, str(raised.value))[1])
    assert fitting == 120
    require_room(features, fitting, fitting // 2)
    monkeypatch.setattr(room, "bytes_free", lambda device: None)
    require_room(features, 128, 64)


def test_a_place_that_is_too_large_is_never_made(features, picture, save, tmp_path):
    photo = read_photo(save(tmp_path / "photo.png", picture(0)))
    with pytest.raises(InputError, match=r"size: 4000000 x 4000000 px would take about [\d,]{9,}\.\d GB of memory"):
        whole_place(photo, features, 4_000_000, None, is_new=False)


def test_the_least_of_machine_and_container_is_free(monkeypatch, tmp_path):
    free = bytes_free(torch.device("cpu"))
    if free is None:
        pytest.skip("this system does not tell how much memory is free")
    most, used = tmp_path / "most", tmp_path / "used"
    most.write_text("5000000\n")
    used.write_text("3000000\n")
    monkeypatch.setattr(room, "LIMITS", (str(most), str(used)))
    assert bytes_free(torch.device("cpu")) == 2_000_000
    most.write_text("max\n")
    assert bytes_free(torch.device("cpu")) > 10_000_000
