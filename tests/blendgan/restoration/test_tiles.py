"""Tiles make the picture of the whole, whatever their side; grey and colour; what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer, Sizes
from blendgan.restoration.tiles import count_tiles, restore, restore_pictures, restored_tiles
from stylegan2.errors import CheckpointError, InputError

WHOLE = 1000  # px: one tile


class Local(nn.Module):
    """Demands whole multiples, as a network with a stride does, and fails on others; otherwise it doubles contrast."""

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.multiple, self.seen = multiple, []

    def forward(self, pictures):
        self.seen.append(tuple(pictures.shape[2:]))
        return pictures * 2 - 0.5


@pytest.mark.parametrize("size", [(50, 70), (16, 100), (33, 33)])
@pytest.mark.parametrize("tile", [16, 23, 32])
@pytest.mark.parametrize("kind", ["dncnn", "colour dncnn", "compact", "norms"])
def test_tiles_are_the_whole_to_the_byte(dncnn, compact, kair, picture, kind, tile, size):
    tensors = {
        "dncnn": lambda: dncnn(0),
        "colour dncnn": lambda: dncnn(1, channels=3),
        "compact": lambda: compact(0),
        "norms": lambda: kair(0, normalised=True),
    }[kind]()
    restorer, photo = recognise(tensors, "net"), picture(*size)
    whole, tiled = restore(restorer, photo, tile=WHOLE), restore(restorer, photo, tile=tile)
    assert count_tiles(restorer, *size, tile=WHOLE) == 1 < count_tiles(restorer, *size, tile=tile)
    assert np.array_equal(whole, tiled)
    enlarged = photo.repeat(restorer.scale, 0).repeat(restorer.scale, 1)
    assert (whole != enlarged).mean() > 0.5


def test_a_smaller_overlap_than_the_reach_is_seen(dncnn, picture):
    """So the law above is one that can fail, and the reach is not larger than it need be."""
    restorer, photo = recognise(dncnn(0), "net"), picture(50, 70)
    whole = restore_pictures(restorer, torch.from_numpy(photo).permute(2, 0, 1)[None] / 255, tile=WHOLE)
    short = replace(restorer, reach=restorer.reach - 1)
    tiled = restore_pictures(short, torch.from_numpy(photo).permute(2, 0, 1)[None] / 255, tile=16)
    assert (whole - tiled).abs().max() > 1e-5


def test_pictures_and_pixels_are_restored_alike(compact, picture):
    restorer, photo = recognise(compact(0), "net"), picture(20, 30)
    pictures = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    restored = restore_pictures(restorer, pictures.repeat(2, 1, 1, 1), tile=16)
    assert restored.shape == (2, 3, 40, 60) and restored.dtype == torch.float32
    assert torch.equal(restored[0], restored[1])
    assert np.array_equal(restored[0].mul(255).round().byte().permute(1, 2, 0).numpy(), restore(restorer, photo))


def test_a_grey_network_takes_each_colour_by_itself(dncnn, picture):
    restorer, photo = recognise(dncnn(0), "net"), picture(20, 30)
    restored = restore(restorer, photo)
    for channel in range(3):
        grey = np.repeat(photo[..., channel : channel + 1], 3, axis=2)
        assert np.array_equal(restore(restorer, grey)[..., 0], restored[..., channel])
    assert not np.array_equal(restored[..., 0], restored[..., 1])


def test_a_colour_network_takes_grey_three_times_and_is_averaged(dncnn, picture):
    restorer = recognise(dncnn(0, channels=3), "net")
    grey = np.repeat(picture(20, 30)[..., :1], 3, axis=2)
    pictures = torch.from_numpy(grey).permute(2, 0, 1)[None].float() / 255
    by_hand = restorer.network(pictures).mean(dim=1)[0].clamp(0, 1).mul(255).round().byte().numpy()
    restored = restore(restorer, grey)
    assert all(np.array_equal(restored[..., channel], by_hand) for channel in range(3))
    assert not np.array_equal(by_hand, grey[..., 0])


def test_tiles_begin_where_the_network_asks_for(picture):
    network = Local(8)
    restorer = Restorer(network, "local", 3, 1, reach=5, sizes=Sizes(8))
    photo = picture(50, 70)
    restored = restore(restorer, photo, tile=20)
    by_hand = (torch.from_numpy(photo).float() / 255 * 2 - 0.5).clamp(0, 1).mul(255).round().byte().numpy()
    assert np.array_equal(restored, by_hand)
    inner = [(height, width) for height, width in network.seen if height not in (50,) and width not in (70,)]
    assert len(network.seen) > 4 and inner
    ends = {50 % 8, 70 % 8}
    assert all(side % 8 in {0, *ends} for size in network.seen for side in size)


def test_sizes_are_padded_as_the_network_asks():
    assert Sizes().padded(5, 7) == (5, 7)
    assert Sizes(8).padded(5, 17) == (8, 24)
    assert Sizes(4, minimum=16).padded(5, 18) == (16, 20)
    assert Sizes(4, square=True).padded(5, 18) == (20, 20)


def test_events_count_and_cover_the_picture_once(compact, picture):
    restorer, photo = recognise(compact(0), "net"), picture(50, 70)
    seen = np.zeros((100, 140), int)
    events = list(restored_tiles(restorer, photo, tile=20))
    for index, done in enumerate(events, 1):
        assert (done.index, done.total) == (index, len(events))
        seen[done.window] += 1
    assert (seen == 1).all() and len(events) == count_tiles(restorer, 50, 70, tile=20) == 12


def test_the_side_follows_memory_and_what_is_known():
    small, large = (Restorer(nn.Conv2d(3, width, 3), "net", 3, 1, reach=17) for width in (64, 1024))
    assert count_tiles(small, 478, 478) == 1 < count_tiles(small, 479, 479)
    assert count_tiles(large, 478, 478) > 9
    assert count_tiles(replace(small, is_exact_in_tiles=False), 478, 478) == 9
    assert count_tiles(replace(small, whole_pictures=True), 4780, 478) == 1
    assert count_tiles(replace(small, whole_pictures=True), 4780, 478, tile=478) == 10


def test_only_a_tile_is_in_memory_at_a_time(dncnn, picture):
    shown = []
    restorer = recognise(dncnn(0), "net")
    restorer.network.register_forward_hook(lambda module, inputs, output: shown.append(inputs[0].numel()))
    restore(restorer, picture(100, 300), tile=32)
    assert max(shown) <= (32 + 2 * restorer.reach) ** 2  # a grey network: one colour at a time


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_gives_no_numbers_is_told(dncnn, picture, value):
    tensors = dncnn(0)
    tensors["conv.3.bias"] = torch.tensor([value])
    with pytest.raises(CheckpointError, match="net: the network gives NaN or infinities for this picture; its weights"):
        restore(recognise(tensors, "net"), picture(20, 20))


def test_what_cannot_be_restored(dncnn, picture):
    restorer = recognise(dncnn(0), "net")
    with pytest.raises(InputError, match="tile: found 15 px, expected at least 16"):
        restore(restorer, picture(20, 20), tile=15)
    with pytest.raises(InputError, match=r"pixels: found float64 \[4, 4, 3\], expected uint8 \[H, W, 3\]"):
        restore(restorer, np.zeros((4, 4, 3)))
    with pytest.raises(InputError, match=r"pixels: found uint8 \[4, 4\]"):
        restore(restorer, np.zeros((4, 4), np.uint8))


def test_pixels_that_are_not_to_be_written_stay_as_they_are(dncnn, picture):
    photo = picture(20, 30)
    photo.flags.writeable = False
    before = photo.copy()
    assert not np.array_equal(restore(recognise(dncnn(0), "net"), photo), before)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 2)])
def test_pictures_smaller_than_a_filter(compact, picture, size):
    restorer = recognise(compact(0), "net")
    assert restore(restorer, picture(*size), tile=16).shape == (2 * size[0], 2 * size[1], 3)
