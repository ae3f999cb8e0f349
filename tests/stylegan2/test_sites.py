"""The table of sites is the network's own list of tensors, and says of each where it acts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stylegan2.checkpoints import expected_shapes
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import CheckpointError
from stylegan2.sites import MAPPING, SYNTHESIS, site_of, sites

ODD = GeneratorConfig(32, (7, 5, 4, 3), 6, 9, mapping_layers=3, mapping_width=11, embed_dim=2, const_size=(3, 5))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("classes", [0, 3])
def test_the_table_has_every_tensor_of_the_network_and_no_other(architecture, classes):
    config = replace(ODD, architecture=architecture, num_classes=classes)
    assert sites(config).keys() == expected_shapes(config).keys()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_channel_axis_has_the_channels_that_the_tensor_acts_on(architecture):
    config = replace(ODD, architecture=architecture)
    shapes = expected_shapes(config)
    for name, site in sites(config).items():
        if site.channel_axis is None:
            continue
        reads_below = name.startswith(f"synthesis.b{site.resolution}.conv0.affine.")  # scales what it is given
        owner = site.resolution // 2 if reads_below else site.resolution
        assert shapes[name][site.channel_axis] == config.channels_at(owner), name


@pytest.mark.parametrize(
    ("name", "network", "resolution", "role", "channel_axis", "layer"),
    [
        ("mapping.fc0.weight", MAPPING, None, "weight", None, None),
        ("mapping.fc11.bias", MAPPING, None, "bias", None, None),
        ("mapping.embed.weight", MAPPING, None, "weight", None, None),
        ("mapping.w_avg", MAPPING, None, "w-avg", None, None),
        ("synthesis.b4.const", SYNTHESIS, 4, "const", 0, 0),
        ("synthesis.b4.conv1.weight", SYNTHESIS, 4, "weight", 0, 0),
        ("synthesis.b4.torgb.weight", SYNTHESIS, 4, "to-rgb", 1, 1),
        ("synthesis.b8.conv0.affine.weight", SYNTHESIS, 8, "style", 0, 1),
        ("synthesis.b8.conv1.bias", SYNTHESIS, 8, "bias", 0, 2),
        ("synthesis.b8.skip.weight", SYNTHESIS, 8, "skip", 0, 2),
        ("synthesis.b8.torgb.bias", SYNTHESIS, 8, "to-rgb", None, 3),
        ("synthesis.b16.conv0.noise_strength", SYNTHESIS, 16, "noise-strength", None, 3),
        ("synthesis.b16.conv1.noise_const", SYNTHESIS, 16, "noise-buffer", None, 4),
        ("synthesis.b1024.conv1.weight", SYNTHESIS, 1024, "weight", 0, 16),
        ("synthesis.b1024.torgb.affine.bias", SYNTHESIS, 1024, "to-rgb", 0, 17),
    ],
)
def test_where_a_tensor_acts(name, network, resolution, role, channel_axis, layer):
    site = site_of(name)
    assert (site.name, site.network, site.resolution, site.role) == (name, network, resolution, role)
    assert (site.channel_axis, site.layer) == (channel_axis, layer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_style_vector_drives_a_layer(architecture):
    config = replace(ODD, architecture=architecture)
    layers = {site.layer for site in sites(config).values() if site.network == SYNTHESIS}
    assert layers == set(range(config.num_ws))


@pytest.mark.parametrize(
    "name",
    [
        "synthesis.b4.conv0.weight",  # the 4 px block has one convolution,
        "synthesis.b4.skip.weight",  # and nothing to skip
        "synthesis.b8.const",
        "synthesis.b12.conv0.weight",
        "synthesis.b2.conv1.weight",
        "synthesis.b8.conv2.weight",
        "discriminator.b8.conv0.weight",
        "raw.synthesis.b8.conv0.weight",
        "mapping.fc.weight",
        "",
    ],
)
def test_a_name_that_no_generator_has_is_refused(name):
    with pytest.raises(CheckpointError, match="not a generator's tensor; expected a name such as"):
        site_of(name)
