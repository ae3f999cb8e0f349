"""Laws of α by region: ends to the byte, each region its own network's picture, features as per-pixel interpolation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blendgan.dni.mixing import interpolate
from blendgan.masks import Mask
from blendgan.restoration.recognition import recognise
from blendgan.restoration.region_map import Levels, fit_mask, load_region_map, parse_levels
from blendgan.restoration.regional import Regional
from blendgan.restoration.restorer import Restorer, Sizes
from blendgan.restoration.tiles import restore, restore_pictures
from stylegan2.errors import InputError

PLACES = pytest.mark.parametrize("in_features", [False, True], ids=["output", "features"])
KINDS = pytest.mark.parametrize("kind", ["dncnn", "compact", "norms"])


def mask_of(greys):
    """A mask of an array of greys 0 to 255."""
    return Mask("mask.png", np.asarray(greys).astype(np.uint16) * 257)


@pytest.fixture
def pair(dncnn, compact, kair):
    """`pair(kind)` -> the tensors of two networks that differ."""
    makers = {"dncnn": dncnn, "compact": compact, "norms": lambda seed: kair(seed, normalised=True)}
    return lambda kind: (makers[kind](0), makers[kind](1))


def at(alpha, a, b):
    return recognise(interpolate([a, b], (1 - alpha, alpha)), "net")


def regional(tensors, levels, greys, in_features):
    height, width = np.asarray(greys).shape
    regions = fit_mask(mask_of(greys), levels, height, width)
    return Regional(tuple(at(alpha, *tensors) for alpha in levels.alphas), regions, in_features)


@KINDS
@PLACES
@pytest.mark.parametrize("tile", [None, 16])
def test_black_and_white_are_the_ends_to_the_byte(pair, picture, kind, in_features, tile):
    tensors, photo, levels = pair(kind), picture(24, 40), Levels((0, 255), (0.2, 0.9))
    first, last = (restore(at(alpha, *tensors), photo) for alpha in levels.alphas)
    assert not np.array_equal(first, last)
    black, white = np.zeros((24, 40)), np.full((24, 40), 255)
    assert np.array_equal(restore(regional(tensors, levels, black, in_features), photo, tile=tile), first)
    assert np.array_equal(restore(regional(tensors, levels, white, in_features), photo, tile=tile), last)


@KINDS
@PLACES
def test_deep_in_a_region_its_own_network_draws(pair, picture, kind, in_features):
    tensors, photo = pair(kind), picture(16, 60)
    levels, greys = Levels((0, 128, 255), (0.0, 0.3, 1.0)), np.zeros((16, 60))
    greys[:, 20:40], greys[:, 40:] = 255, 128
    drawn = restore(regional(tensors, levels, greys, in_features), photo)
    scale, reach = len(drawn) // 16, at(0, *tensors).reach
    for alpha, left, right in ((0.0, 0, 20), (1.0, 20, 40), (0.3, 40, 60)):
        inner = slice(scale * (left + reach * (left > 0)), scale * (right - reach * (right < 60)))
        wanted = restore(at(alpha, *tensors), photo)
        assert np.array_equal(drawn[:, inner], wanted[:, inner])
    assert not np.array_equal(drawn, restore(at(0.0, *tensors), photo))


@KINDS
@PLACES
def test_tiles_are_the_whole_under_a_soft_mask(pair, picture, kind, in_features):
    greys = np.linspace(0, 255, 48)[None].repeat(40, 0) * np.linspace(0.3, 1, 40)[:, None]
    several = regional(pair(kind), Levels((0, 100, 255), (0.0, 0.7, 1.0)), greys, in_features)
    photo = picture(40, 48)
    assert np.array_equal(restore(several, photo, tile=16), restore(several, photo, tile=1000))


def test_in_the_output_pixels_are_mixed_by_the_mask(pair, picture):
    tensors, photo = pair("dncnn"), picture(16, 52)
    pictures = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    greys = np.arange(52)[None].repeat(16, 0) * 5
    drawn = restore_pictures(regional(tensors, Levels((0, 255), (0, 1)), greys, False), pictures)
    a, b = (restore_pictures(at(alpha, *tensors), pictures) for alpha in (0, 1))
    share = torch.from_numpy(greys / 255).float()
    inside = (a > 0) & (a < 1) & (b > 0) & (b < 1)  # elsewhere they are clamped
    assert inside.float().mean() > 0.3
    assert torch.allclose(drawn[inside], (a + share * (b - a))[inside], atol=1e-6)


@pytest.mark.parametrize("kind", ["dncnn", "compact"])
def test_features_under_a_grey_are_the_interpolated_network(pair, kind):
    """Convolutions and PReLUs are linear in their weights, and ReLU has none: each pixel gets its own network."""
    tensors = pair(kind)
    pictures = torch.rand(1, at(0, *tensors).channels, 12, 12, generator=torch.Generator().manual_seed(1))
    greys = np.full((12, 12), 102)  # 0.4 of 255
    window = slice(0, 12), slice(0, 12)
    drawn = regional(tensors, Levels((0, 255), (0, 1)), greys, True).run(pictures, window)
    wanted = at(0.4, *tensors).network(pictures)
    ends = [at(alpha, *tensors).network(pictures) for alpha in (0, 1)]
    assert torch.allclose(drawn, wanted, atol=2e-6)
    mean = torch.lerp(ends[0], ends[1], 0.4)
    assert (wanted - mean).abs().max() > 1e-3  # which the mean of the outputs is not


def test_features_with_norms_are_near_it(pair):
    tensors = pair("norms")
    pictures = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    window = slice(0, 12), slice(0, 12)
    drawn = regional(tensors, Levels((0, 255), (0, 1)), np.full((12, 12), 51), True).run(pictures, window)
    wanted, first = (at(alpha, *tensors).network(pictures) for alpha in (0.2, 0))
    assert (drawn - wanted).abs().mean() < 0.5 * (first - wanted).abs().mean()


@PLACES
def test_only_the_networks_of_a_tile_are_run(pair, in_features, picture):
    tensors, levels = pair("dncnn"), Levels((0, 128, 255), (0, 0.5, 1))
    several, ran = regional(tensors, levels, np.full((16, 16), 255), in_features), []
    for number, restorer in enumerate(several.restorers):
        restorer.network.register_forward_hook(lambda *_, number=number: ran.append(number))
    restore(several, picture(16, 16))
    assert set(ran) == {2}


def test_hooks_do_not_stay(pair, picture):
    tensors, photo = pair("dncnn"), picture(16, 16)
    several = regional(tensors, Levels((0, 255), (0, 1)), np.full((16, 16), 128), True)
    before = restore(several.restorers[0], photo)
    middle = restore(several, photo)
    assert np.array_equal(restore(several.restorers[0], photo), before)
    assert not np.array_equal(middle, before)
    assert not any(module._forward_hooks for module in several.restorer.network.modules())


class Strided(nn.Module):
    """Halves and doubles its picture; wants even sizes."""

    def __init__(self, seed):
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.down, self.up = nn.Conv2d(3, 4, 2, stride=2), nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.load_state_dict({k: torch.randn(v.shape, generator=random) / 4 for k, v in self.state_dict().items()})

    def forward(self, pictures):
        height, width = pictures.shape[2:]
        padded = nn.functional.pad(pictures, (0, width % 2, 0, height % 2), "replicate")
        return self.up(self.down(padded))[..., :height, :width]


def by_hand(*networks, **more):
    return tuple(Restorer(network.requires_grad_(False), "net", 3, 1, 2, **more) for network in networks)


def test_features_of_networks_with_strides_and_padding():
    ends = by_hand(Strided(0), Strided(1), sizes=Sizes(2))
    pictures, window = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0)), (slice(0, 9), slice(0, 11))
    halves = np.zeros((9, 11))
    halves[:, 6:] = 255
    drawn = Regional(ends, fit_mask(mask_of(halves), Levels((0, 255), (0, 1)), 9, 11), True).run(pictures, window)
    a, b = (end.network(pictures) for end in ends)
    assert torch.equal(drawn[..., :6], a[..., :6]) and torch.equal(drawn[..., 6:], b[..., 6:])
    assert not torch.equal(a, b)


class Odd(nn.Module):
    """Networks whose features a mask cannot choose."""

    def __init__(self, kind, gain):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 3, 1)
        self.gain = nn.Parameter(torch.full((1,), gain if kind == "bare" else 1.0))
        self.mix = nn.Linear(3, 3)
        nn.init.constant_(self.conv.weight, gain if kind in ("functional", "cropped") else 0.1)
        nn.init.zeros_(self.conv.bias)
        nn.init.constant_(self.mix.weight, gain if kind == "linear" else 0.1)
        nn.init.zeros_(self.mix.bias)

    def forward(self, pictures):
        if self.kind == "functional":
            return nn.functional.conv2d(pictures, self.conv.weight)
        if self.kind == "cropped":
            return pictures + self.conv(pictures[..., :2]).mean()
        tokens = self.mix(pictures.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.conv(tokens) * self.gain


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bare", r"net: in features:  \(Odd\) has weights"),
        ("linear", r"net: in features: mix \(Linear\) has weights that act on no map of pixels"),
        ("functional", r"net: in features: 1 layers \(Conv2d, ...\) are not run as layers"),
        ("cropped", r"in features: a layer gives \[1, 3, 16, 2\] for a picture of 16 x 16 px"),
    ],
)
def test_networks_whose_features_cannot_be_mixed_are_refused_and_their_outputs_can(kind, words, picture):
    ends = by_hand(Odd(kind, 0.2), Odd(kind, 0.4), name="net")
    regions = fit_mask(mask_of(np.full((16, 16), 128)), Levels((0, 255), (0, 1)), 16, 16)
    with pytest.raises(InputError, match=words + r".*mix the outputs instead \(--in output\)"):
        restore(Regional(ends, regions, True), picture(16, 16))
    drawn, a, b = (restore(one, picture(16, 16)) for one in (Regional(ends, regions), *ends))
    assert not np.array_equal(a, b) and not np.array_equal(drawn, a)


def test_one_network_for_each_alpha(pair):
    regions = fit_mask(mask_of(np.zeros((4, 4))), Levels((0, 128, 255), (0, 0.5, 1)), 4, 4)
    ends = (at(0, *pair("dncnn")), at(1, *pair("dncnn")))
    with pytest.raises(InputError, match="regions: found 2 networks for 3 alphas"):
        Regional(ends, regions)


def test_levels_in_words():
    assert parse_levels(".2,.9") == Levels((0, 255), (0.2, 0.9))
    assert parse_levels("0, .5 ,1") == Levels((0, 127.5, 255), (0, 0.5, 1))
    assert parse_levels("0=0,128=.3,255=1") == Levels((0, 128, 255), (0, 0.3, 1))
    assert Levels((0, 255), (0.2, 0.9)).to_json() == [{"grey": 0, "alpha": 0.2}, {"grey": 255, "alpha": 0.9}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".3", "alphas: found 1, expected 2 to 16"),
        (",".join("0" * 17), "alphas: found 17, expected 2 to 16"),
        ("a,b", "alphas: found 'a,b', expected numbers"),
        ("", "alphas: found '', expected numbers"),
        ("0=.1,.5", "expected all with a grey or none"),
        ("0=.1,300=.5", "alphas: found the greys 0, 300, expected rising numbers from 0"),
        ("9=.1,9=.5", "alphas: found the greys 9, 9, expected rising"),
        ("0,1.5", "alphas: found 1.5, expected shares of the second network from 0 to 1"),
        ("0,nan", "alphas: found nan, expected shares"),
        ("nan=0,255=1", "alphas: found the greys nan, 255"),
    ],
)
def test_levels_that_are_none(text, words):
    with pytest.raises(InputError) as caught:
        parse_levels(text)
    assert words in str(caught.value)


def test_positions_are_whole_at_the_greys_of_the_alphas():
    greys = np.array([[0, 60, 128, 255, 94]])
    regions = fit_mask(mask_of(greys), parse_levels("0=0,60=.2,128=.3,255=1"), 1, 5)
    assert regions.positions((slice(0, 1), slice(0, 5)))[0, 0, 0].tolist() == [0, 1, 2, 3, 1.5]
    assert regions.positions((slice(0, 1), slice(2, 4)))[0, 0, 0].tolist() == [2, 3]
    narrow = fit_mask(mask_of(greys), parse_levels("60=.2,128=.3"), 1, 5)  # beyond the outermost they hold
    assert narrow.positions((slice(0, 1), slice(0, 5)))[0, 0, 0].tolist() == [0, 0, 1, 1, 0.5]


def test_a_mask_of_another_size_is_resized_and_of_another_aspect_refused(tmp_path):
    path, levels = tmp_path / "mask.png", Levels((0, 255), (0, 1))
    Image.fromarray(np.repeat([[0, 0, 255, 255]], 2, axis=0).astype(np.uint8)).save(path)
    large = load_region_map(str(path), levels, 20, 40)
    assert large.size == (20, 40)
    row = large.positions((slice(7, 8), slice(0, 40)))[0, 0, 0]
    assert (row[:14] == 0).all() and (row[26:] == 1).all() and bool((row.diff() >= 0).all())
    small = load_region_map(str(path), levels, 1, 2)
    assert small.positions((slice(0, 1), slice(0, 2)))[0, 0, 0].tolist() == [0, 1]
    with pytest.raises(
        InputError, match=r"mask\.png: found a mask of 4 x 2 px, expected the aspect of the picture, 40 x 30"
    ):
        load_region_map(str(path), levels, 30, 40)
    with pytest.raises(InputError, match="40 x 40"):
        load_region_map(str(path), levels, 40, 40)


def test_masks_that_are_none(tmp_path):
    levels = Levels((0, 255), (0, 1))
    with pytest.raises(InputError, match="mask: found no file 'nowhere.png', expected a grey picture's file$"):
        load_region_map("nowhere.png", levels, 4, 4)
    with pytest.raises(InputError, match="mask: found 'eyes', a region of a face, expected a grey picture's file$"):
        load_region_map("eyes", levels, 4, 4)
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(InputError, match="not a picture"):
        load_region_map(str(path), levels, 4, 4)


def test_a_mask_of_one_colour_stays_it_at_every_size(tmp_path, pair, picture):
    tensors, photo = pair("compact"), picture(30, 50)
    small = Mask("m", np.full((3, 5), 65535, np.uint16))
    ends = tuple(at(alpha, *tensors) for alpha in (0, 1))
    drawn = restore(Regional(ends, fit_mask(small, Levels((0, 255), (0, 1)), 30, 50)), photo)
    assert np.array_equal(drawn, restore(replace(ends[1]), photo))
