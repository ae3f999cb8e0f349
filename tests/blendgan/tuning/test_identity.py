"""Before any training every method is its main network, to the bit; and at α = 0 after it, too."""

from __future__ import annotations

import pytest
import torch

from blendgan.tuning.forms import build
from blendgan.tuning.ftn import FTN, FilterTransition
from stylegan2.errors import InputError
from stylegan2.generator import Generator

ALPHAS = (0.0, 0.3, 0.5, 0.7, 1.0)
KINDS = ("dncnn", "compact", "residual", "grey")


def fitting(restorer, form):
    if form.method == "cfsnet" and "residual" not in restorer.architecture:
        with pytest.raises(InputError, match="cfsnet: found no residual blocks in the main network"):
            build(restorer, form)
        pytest.skip("CFSNet needs residual blocks")
    return build(restorer, form)


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_is_the_main_network(restorers, pictures, form, kind):
    restorer = restorers(kind)
    tuning = fitting(restorer, form)
    given = pictures(2, restorer.channels, 16, 20)
    expected = restorer.network(given)
    assert not torch.equal(expected, expected.round())
    for alpha in (*ALPHAS, torch.rand(1, 1, 16, 20, generator=torch.Generator().manual_seed(3))):
        assert torch.equal(tuning(given, alpha), expected)
    assert torch.equal(tuning.trained(given), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_first_level_it_stays_the_main_network(restorers, pictures, shaken, form, kind):
    restorer = restorers(kind)
    tuning = shaken(fitting(restorer, form))
    given = pictures(2, restorer.channels, 16, 20)
    expected = restorer.network(given)
    results = [tuning(given, alpha) for alpha in ALPHAS]
    assert torch.equal(results[0], expected)
    assert torch.equal(tuning(given, torch.zeros(1, 1, 16, 20)), expected)
    assert all(not torch.allclose(one, other, atol=1e-3) for one, other in zip(results, results[1:], strict=False))
    assert torch.equal(tuning.trained(given), results[-1])


def test_the_given_network_is_never_touched(restorers, states, pictures, shaken, form):
    restorer = restorers("residual")
    shaken(build(restorer, form))(pictures(1, 3, 16, 16), 0.5)
    assert all(torch.equal(found, states("residual")[name]) for name, found in restorer.network.state_dict().items())
    assert list(restorer.network.state_dict()) == list(states("residual"))
    assert not any(module._forward_hooks for module in restorer.network.modules())


@pytest.mark.parametrize("groups", [1, 4, 16])
def test_any_filters_come_back_to_the_bit(groups):
    filters = torch.randn(48, 5, 3, 3, generator=torch.Generator().manual_seed(0)) * 1e3
    assert torch.equal(FilterTransition(48, groups)(filters), filters)
    assert FilterTransition(48, groups).groups == groups
    assert FilterTransition(3, groups).groups == 1


def test_a_generator_of_pictures(pico, shaken):
    """Its layers are classes of its own: filters are found by their four axes."""
    base = Generator(pico(0).config)
    base.load_state_dict(dict(pico(0).tensors))
    tuning = FTN(base, groups=2)
    ws = base.eval().mapping(torch.randn(2, 8, generator=torch.Generator().manual_seed(0)))
    expected = base.synthesis(ws, noise_mode="const")
    for alpha in ALPHAS:
        tuning.dial.turn(alpha)
        assert torch.equal(tuning.main.synthesis(ws, noise_mode="const"), expected)
    shaken(tuning)
    assert not torch.equal(tuning.main.synthesis(ws, noise_mode="const"), expected)
