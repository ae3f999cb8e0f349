"""The gains of channels against their formulas, their two written forms, and the maps of each tensor."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendgan.channel_forms import KINDS, from_json, parse, to_json
from blendgan.channels import Lists, Ramp, Region, Top, leading
from blendgan.feature_maps import map_counts, maps_of, resolution_of
from stylegan2 import checkpoints
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import RecipeError
from stylegan2.sites import MAPPING, site_of, sites

KINDS_LISTED = "ramp, lists, top, region"
shares = st.floats(0, 1)
edges = st.lists(shares, min_size=2, max_size=2, unique=True).map(sorted)
boxes = st.tuples(edges, edges).map(lambda sides: (sides[0][0], sides[1][0], sides[0][1], sides[1][1]))
channels = st.one_of(
    st.builds(Ramp, shares, shares),
    st.builds(Lists, st.dictionaries(st.sampled_from((4, 8, 16)), st.lists(shares, min_size=1), min_size=1)),
    st.builds(Top, shares, st.sampled_from(["change", "correlation"])),
    st.builds(Region, boxes, shares),
    st.builds(lambda share: Region(None, share, "mask.png"), shares),
)


@given(channels)
def test_channels_are_values(one):
    again = from_json(json.loads(json.dumps(to_json(one))))
    assert again == one
    assert hash(again) == hash(one)
    assert to_json(one)["kind"] in KINDS


def test_a_ramp_is_straight():
    assert Ramp(0, 1).gains(5) == (0, 0.25, 0.5, 0.75, 1)
    assert Ramp(1, 0.5).gains(3) == (1, 0.75, 0.5)
    assert Ramp(0.2, 0.6).gains(1) == (0.4,)


@given(shares, shares, st.integers(2, 40))
def test_a_ramp_keeps_its_ends_and_never_leaves_them(first, last, count):
    gains = Ramp(first, last).gains(count)
    assert (gains[0], gains[-1], len(gains)) == (first, last, count)
    assert all(min(first, last) <= gain <= max(first, last) for gain in gains)
    assert gains == tuple(sorted(gains, reverse=first > last))


def test_lists_give_what_they_hold_and_one_elsewhere():
    lists = Lists({8: [0, 1], 4: [1, 0.5, 0]})
    assert lists == Lists(((4, (1.0, 0.5, 0.0)), (8, (0.0, 1.0))))
    assert lists.at(4, 3) == (1, 0.5, 0)
    assert lists.at(16, 2) == (1, 1)
    with pytest.raises(RecipeError) as caught:
        lists.at(8, 6)
    assert str(caught.value) == "lists: found 2 gains at 8 px, expected 6, one per channel"


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, (0, 0, 0, 0, 0)), (1e-9, (0, 0, 0, 1, 0)), (0.3, (0, 1, 0, 1, 0)), (0.6, (0, 1, 1, 1, 0)), (1, (1,) * 5)],
)
def test_the_leading_share(share, expected):
    assert leading([0.1, 9, 0.2, math.inf, math.nan], share) == expected


def test_equals_keep_their_order():
    assert leading([2, 3, 2, 3], 0.75) == (1, 1, 0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ramp:0,1", Ramp(0, 1)),
        (" ramp: 1 , .5 ", Ramp(1, 0.5)),
        ("lists:4=1/0/0.5,8=1*2/0*3", Lists({4: [1, 0, 0.5], 8: [1, 1, 0, 0, 0]})),
        ("top:0.25:change", Top(0.25, "change")),
        ("top:0.25:correlation", Top(0.25, "correlation")),
        ("region:0.3,0.2,0.7,0.5:top:0.2", Region((0.3, 0.2, 0.7, 0.5), 0.2)),
        ("region:mask.png:top:0.2", Region(None, 0.2, "mask.png")),
        ("region:C:\\a,b:top:x.png:top:0.2", Region(None, 0.2, "C:\\a,b:top:x.png")),
    ],
)
def test_the_forms_of_the_command_line(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "steps:1",
            "channels: found 'steps:1', expected one of the forms ramp:0,1, lists:4=1/0.5/0,8=1*3/0*5, "
            "top:0.25:change, region:0.3,0.2,0.7,0.5:top:0.2",
        ),
        ("ramp:0", "channels: found 'ramp:0', expected a form such as ramp:0,1"),
        ("ramp:0,x", "channels: found 'ramp:0,x', expected a form such as ramp:0,1"),
        ("ramp:-1,1", "ramp first: found -1.0, expected a number between 0 and 1"),
        ("ramp:0,nan", "ramp last: found nan, expected a number between 0 and 1"),
        ("lists:4", "channels: found 'lists:4', expected a form such as lists:4=1/0.5/0,8=1*3/0*5"),
        ("lists:4=1,4=0", "lists: 4 px is given twice; give each resolution one list"),
        ("lists:6=1", "lists: found 6, expected a resolution in px, a power of two such as 16"),
        ("lists:4=2", "gain of channel 0 at 4 px: found 2.0, expected a number between 0 and 1"),
        ("lists:4=1*99999999999", "lists: found '1*99999999999', expected gain*count with a count of 1 … 16384"),
        ("top:0.25", "channels: found 'top:0.25', expected a form such as top:0.25:change"),
        ("top:1.5:change", "top share: found 1.5, expected a number between 0 and 1"),
        ("top:0.5:size", "top by: found 'size', expected one of change, correlation"),
        (
            "region:mask.png",
            "channels: found 'region:mask.png', expected a form such as region:0.3,0.2,0.7,0.5:top:0.2",
        ),
        (
            "region::top:0.2",
            "channels: found 'region::top:0.2', expected a form such as region:0.3,0.2,0.7,0.5:top:0.2",
        ),
        (
            "region:.1,.2,.3:top:.2",
            "channels: found 'region:.1,.2,.3:top:.2', expected a form such as region:0.3,0.2,0.7,0.5:top:0.2",
        ),
        ("region:0.7,0.2,0.3,0.5:top:0.2", "region box: found 0.7,0.2,0.3,0.5, expected x0 < x1 and y0 < y1"),
    ],
)
def test_a_wrong_form_says_what_is_expected(text, message):
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (7, f"kind: found 7, expected one of {KINDS_LISTED}"),
        ({}, f"kind: found None, expected one of {KINDS_LISTED}"),
        ({"kind": ["ramp"]}, f"kind: found ['ramp'], expected one of {KINDS_LISTED}"),
        ({"kind": "ramp", "start": 0}, "ramp channels: unknown key 'start', expected first, last"),
        ({"kind": "ramp", "first": 0}, "ramp channels: found only first, expected also last"),
        ({"kind": "ramp", "first": True, "last": 1}, "ramp first: found True, expected a number between 0 and 1"),
        ({"kind": "lists", "gains": [1]}, "lists gains: found [1], expected a mapping such as {4: [1, 0.5, 0]}"),
        ({"kind": "lists", "gains": {4: 1}}, "lists gains: found {4: 1}, expected a mapping such as {4: [1, 0.5, 0]}"),
        (
            {"kind": "lists", "gains": {}},
            "lists: found no entry, expected resolution: list pairs such as {4: [1, 0.5, 0]}",
        ),
        ({"kind": "top", "share": "a", "by": "change"}, "top share: found 'a', expected a number between 0 and 1"),
        ({"kind": "region", "share": 0.2}, "region: found box None and mask None, expected one of the two"),
        ({"kind": "region", "share": 0.2, "mask": 3}, "region mask: found 3, expected the path of a picture"),
        (
            {"kind": "region", "share": 0.2, "box": [0, 0, 1]},
            "region box: found [0, 0, 1], expected x0, y0, x1, y1 as shares of the picture, 0 to 1",
        ),
    ],
)
def test_wrong_data_says_what_is_expected(values, message):
    with pytest.raises(RecipeError) as caught:
        from_json(values)
    assert str(caught.value) == message


def test_the_maps_of_each_tensor():
    expected = {
        "b4.const": "b4.const", "b4.conv1.weight": "b4.conv1", "b4.conv1.bias": "b4.conv1",
        "b4.conv1.noise_strength": "b4.conv1", "b4.conv1.affine.weight": "b4.const", "b4.torgb.weight": "b4.conv1",
        "b4.torgb.affine.bias": "b4.conv1", "b8.conv0.weight": "b8.conv0", "b8.conv0.affine.weight": "b4.conv1",
        "b8.conv1.affine.bias": "b8.conv0", "b8.skip.weight": "b8.conv1", "b16.conv0.affine.bias": "b8.conv1",
        "b16.torgb.bias": "b16.conv1",
    }  # fmt: skip
    assert {name: maps_of(site_of(f"synthesis.{name}")) for name in expected} == expected
    with pytest.raises(ValueError, match="mapping.fc0.weight: not in the synthesis network"):
        maps_of(site_of("mapping.fc0.weight"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_channel_axis_is_as_long_as_its_maps_are_many(architecture):
    config = GeneratorConfig(16, (5, 4, 3), 6, 6, mapping_layers=2, mapping_width=6, architecture=architecture)
    counts, shapes = map_counts(config), checkpoints.expected_shapes(config)
    assert counts == {"b4.const": 5, "b4.conv1": 5, "b8.conv0": 4, "b8.conv1": 4, "b16.conv0": 3, "b16.conv1": 3}
    for name, site in sites(config).items():
        if site.network != MAPPING and site.channel_axis is not None:
            assert shapes[name][site.channel_axis] == counts[maps_of(site)], name
    assert [resolution_of(maps) for maps in counts] == [4, 4, 8, 8, 16, 16]
