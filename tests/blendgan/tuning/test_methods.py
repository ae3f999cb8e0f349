"""Each method by its own formula, computed another way."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, weight_norm

from blendgan.dni import interpolate
from blendgan.restoration.restorer import Restorer
from blendgan.tuning.forms import Form, build
from blendgan.tuning.ftn import FTN
from blendgan.tuning.interpolation import DNI
from stylegan2.errors import InputError


def one_layer(*modules):
    """A network of a few layers as a restorer of colour pictures."""
    random = torch.Generator().manual_seed(0)
    network = nn.Sequential(*modules)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=random))
    return Restorer(network.requires_grad_(False), "layers", 3, 1, 1)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_ftn_by_convolutions(pictures, shaken, groups, transposed):
    """Equation 1, with FTN as 1x1 convolutions over pictures of the filters."""
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    restorer = one_layer(kind(3, 8, 3, padding=1))
    tuning = shaken(build(restorer, Form("ftn", groups=groups)))
    layer, transition = restorer.network[0], tuning.transitions["0"]
    f = layer.weight.transpose(0, 1) if transposed else layer.weight  # [8, 3, 3, 3]
    x = f.transpose(0, 1)  # three pictures of 8 channels
    first, second = transition.mixes
    x = functional.conv2d(x, first.weight[:, :, None, None], first.bias, groups=groups)
    x = functional.prelu(x, transition.slopes[0])
    x = functional.conv2d(x, second.weight[:, :, None, None], second.bias, groups=groups).transpose(0, 1)
    mixed = 0.7 * f + 0.3 * x
    run = functional.conv_transpose2d if transposed else functional.conv2d
    given = pictures(2, 3, 8, 9)
    expected = run(given, mixed.transpose(0, 1) if transposed else mixed, layer.bias, padding=1)
    torch.testing.assert_close(tuning(given, 0.3), expected)
    assert not torch.allclose(expected, restorer.network(given), atol=1e-2)
    found = tuning.filters()["0"]
    torch.testing.assert_close(found[1], x)


def test_groups_keep_filters_apart(shaken):
    tuning = FTN(one_layer(nn.Conv2d(3, 8, 3)).network, groups=4)
    weight = tuning._layers["0"].parametrizations["weight"].original
    before = tuning.filters()["0"][1]
    with torch.no_grad():
        weight[2] += 1
    changed = (tuning.filters()["0"][1] != before).flatten(1).any(dim=1)
    assert changed.tolist() == [False, False, True, False, False, False, False, False]
    shaken(tuning)
    before = tuning.filters()["0"][1]
    with torch.no_grad():
        weight[2] += 1
    changed = (tuning.filters()["0"][1] != before).flatten(1).any(dim=1)
    assert changed.tolist() == [False, False, True, True, False, False, False, False]


def test_ftn_spatial_mixes_no_filters(shaken):
    tuning = shaken(FTN(one_layer(nn.Conv2d(3, 4, 3)).network, variant="spatial"))
    filters, transition = tuning.filters()["0"][0], tuning.transitions["0"]
    x = filters.transpose(0, 1)
    for i, mix in enumerate(transition.mixes):
        x = functional.prelu(x, transition.slopes[i - 1]) if i else x
        x = functional.conv2d(x, mix.weight[:, None], mix.bias, padding=1, groups=4)
    torch.testing.assert_close(tuning.filters()["0"][1], x.transpose(0, 1))
    assert not torch.allclose(x.transpose(0, 1), filters, atol=1e-2)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_adafm_interpolates_its_parameters(pictures, shaken, kernel):
    restorer = one_layer(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    tuning = shaken(build(restorer, Form("adafm", kernel=kernel)))
    assert list(tuning.modifications) == ["0"]  # none behind the last convolution
    identity = torch.zeros(4, 1, kernel, kernel)
    identity[:, 0, kernel // 2, kernel // 2] = 1
    learned = identity + tuning.modifications["0"].change
    between = identity + 0.3 * (learned - identity)
    given = pictures(2, 3, 8, 9)
    x = restorer.network[0](given)
    x = functional.conv2d(x, between, 0.3 * tuning.modifications["0"].bias, padding=kernel // 2, groups=4)
    torch.testing.assert_close(tuning(given, 0.3), restorer.network[2](x.relu()))


def test_cfsnet_couples_blocks(restorers, pictures, shaken):
    restorer = restorers("residual")
    tuning = build(restorer, Form("cfsnet"))
    assert list(tuning.blocks) == ["blocks/0", "blocks/1"]
    torch.testing.assert_close(tuning.couplings["blocks/0"](), torch.ones(8))
    shaken(tuning)
    block, beside = restorer.network.blocks[0], tuning.blocks["blocks/0"]
    coefficients = 0.3 * tuning.couplings["blocks/0"]()
    assert coefficients.max() - coefficients.min() > 0.01
    given, seen = pictures(1, 3, 16, 16), {}
    tuning.main.blocks[0].register_forward_hook(lambda module, inputs, output: seen.update(x=inputs[0], y=output))
    tuning(given, 0.3)
    share = coefficients[None, :, None, None]
    torch.testing.assert_close(seen["y"], (1 - share) * block(seen["x"]) + share * beside(seen["x"]))


def test_dynamic_adds_blocks(restorers, pictures, shaken):
    tuning = shaken(build(restorers("dncnn"), Form("dynamic", layers=1)))
    assert list(tuning.blocks) == ["conv/1"]  # the middle of the three before the last
    network, given = restorers("dncnn").network, pictures(1, 3, 16, 16)
    x = network.conv[1](network.conv[0](given).relu())
    x = x + 0.3 * tuning.blocks["conv/1"](x)
    expected = given - network.conv[3](network.conv[2](x.relu()).relu())
    torch.testing.assert_close(tuning(given, 0.3), expected)


def test_dynamic_needs_layers(restorers):
    with pytest.raises(InputError, match="dynamic: found 3 convolutions before the last one, expected at least 4"):
        build(restorers("dncnn"), Form("dynamic", layers=4))


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.7, 1.0])
def test_dni_is_the_interpolated_network(restorers, states, pictures, alpha):
    tuning = build(restorers("compact"), Form("dni"))
    with torch.no_grad():
        for name, tensor in states("compact", 1).items():
            tuning.second[name.replace(".", "/")].copy_(tensor)
    mixed = interpolate([states("compact", 0), states("compact", 1)], (1 - alpha, alpha))
    given = pictures(2, 3, 8, 9)
    assert torch.equal(tuning(given, alpha), restorers("compact").with_tensors(mixed).network(given))


def test_a_map_of_one_number_is_that_number(restorers, pictures, shaken, form):
    if form.method == "dni":
        pytest.skip("a map mixes the pictures of both ends, a number their weights")
    tuning = shaken(build(restorers("residual"), form))
    given = pictures(1, 3, 17, 20)  # an odd side: the network pads it, and the map with it
    by_number, by_map = tuning(given, 0.4), tuning(given, torch.full((1, 1, 17, 20), 0.4))
    torch.testing.assert_close(by_map, by_number, atol=1e-5, rtol=1e-5)


def test_a_map_acts_where_it_is(restorers, pictures, shaken, form):
    restorer = restorers("grey")
    tuning = shaken(build(restorer, form))
    given = pictures(1, 1, 16, 128)
    half = torch.zeros(1, 1, 16, 128)
    half[..., 64:] = 1
    found, first, second = tuning(given, half), tuning(given, 0.0), tuning(given, 1.0)
    away = restorer.reach + tuning.extra_reach()
    assert away < 40
    torch.testing.assert_close(found[..., : 64 - away], first[..., : 64 - away], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[..., 64 + away :], second[..., 64 + away :], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(first, second, atol=1e-2)


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (1.5, "alpha: found 1.5, expected a number from 0"),
        (float("nan"), "alpha: found nan, expected a number from 0"),
        (torch.zeros(1, 1, 8, 16), "alpha: found a map of 16 x 8 px, expected the pictures' size, 20 x 16 px"),
        (torch.zeros(16, 20), r"alpha: found a map \[16, 20\] of torch.float32, expected \[1, 1, H, W\]"),
        (torch.full((1, 1, 16, 20), 2.0), "alpha: found a map with numbers beyond 0 and 1"),
    ],
)
def test_alphas_that_are_none(restorers, pictures, form, alpha, message):
    with pytest.raises(InputError, match=message):
        build(restorers("residual"), form)(pictures(1, 3, 16, 20), alpha)


class Indirect(nn.Module):
    """Uses a layer's filters without calling the layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return functional.conv2d(x, self.conv.weight, padding=1)


def test_filters_that_no_map_reaches(pictures, shaken):
    tuning, given = FTN(Indirect()), pictures(1, 3, 8, 8)
    flat = torch.full((1, 1, 8, 8), 0.5)
    assert torch.equal(tuning(given, flat), tuning(given, 0.5))
    shaken(tuning)
    assert not torch.allclose(tuning(given, 0.5), tuning(given, 0.0))
    with pytest.raises(InputError, match=r"map: 1 layers \(conv, ...\) are not run as layers of this network"):
        tuning(given, flat)


def test_a_network_without_filters():
    with pytest.raises(InputError, match="network: found no filters in a Linear, expected a convolutional network"):
        FTN(nn.Linear(3, 3))


def normed(kind):
    """Two convolutions, the first with a normed weight."""
    first = nn.Conv2d(3, 4, 3, padding=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weight_norm of the old kind is deprecated, and still found in networks
        wrap = {"weight": parametrizations.weight_norm, "spectral": parametrizations.spectral_norm, "old": weight_norm}
        return nn.Sequential(wrap[kind](first), nn.Conv2d(4, 3, 3, padding=1)).eval()


@pytest.mark.parametrize("kind", ["weight", "spectral", "old"])
def test_normed_weights_are_tuned_too(pictures, shaken, kind):
    network = normed(kind)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    given, ftn, dni = pictures(2, 3, 8, 9), FTN(network), DNI(network)
    assert list(ftn.transitions) == ["0", "1"]
    wanted = network(given)
    assert torch.equal(ftn(given, 0.5), wanted)
    assert torch.equal(dni(given, 0.5), wanted)
    assert not torch.equal(shaken(ftn)(given, 1.0), wanted)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("method", [FTN, DNI])
def test_networks_that_are_refused(method):
    network = nn.Sequential(nn.Conv2d(3, 3, 3))
    with pytest.raises(
        InputError, match=r"network: found torch.bfloat16 parameters, expected torch.float32; give netw"
    ):
        method(network.bfloat16())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripting is deprecated
        scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 3, 3)))
    with pytest.raises(
        InputError, match="network: found a scripted one, whose layers cannot be tuned; give the module"
    ):
        method(scripted)
