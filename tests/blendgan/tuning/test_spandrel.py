"""Networks of spandrel's own under FTN, where the library can be imported: padded, and run one picture at a time."""

from __future__ import annotations

import importlib

import pytest
import torch

from blendgan.restoration.recognition import recognise
from blendgan.tuning.forms import Form, build
from blendgan.tuning.training import Plan, check_patch
from stylegan2.errors import InputError

pytestmark = pytest.mark.usefixtures("spandrel")

MAKERS = {
    "ESRGAN": ("ESRGAN", {"num_filters": 8, "num_blocks": 1}),
    "DRUNet": ("DRUNet", {"in_nc": 2, "nc": [4, 8, 8, 8], "nb": 4}),
    "SwinIR": ("SwinIR", {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 8, "img_range": 1.0}),
}


def foreign(kind):
    name, sizes = MAKERS[kind]
    network = getattr(importlib.import_module(f"spandrel.architectures.{kind}"), name)(**sizes)
    random = torch.Generator().manual_seed(0)
    return recognise(
        {
            name: torch.randn(t.shape, generator=random) * 0.1 if t.is_floating_point() and "mask" not in name else t
            for name, t in network.state_dict().items()
        },
        kind,
    )


@pytest.mark.parametrize("kind", MAKERS)
def test_untrained_it_is_the_main_network(kind, pictures, form):
    restorer = foreign(kind)
    try:
        tuning = build(restorer, form)
    except InputError as error:
        assert form.method == "cfsnet", error
        return
    given = pictures(2, restorer.channels, 17, 16)
    expected = restorer.network(given)
    for alpha in (0.0, 0.4, 1.0, torch.full((1, 1, 17, 16), 0.4)):
        assert torch.equal(tuning(given, alpha), expected)
    even = pictures(1, restorer.channels, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(tuning.trained(even).clamp(0, 1), restorer.network(even).clamp(0, 1))


@pytest.mark.parametrize("kind", MAKERS)
def test_gradients_reach_everything_and_the_result_moves(kind, pictures, shaken):
    restorer = foreign(kind)
    tuning = build(restorer, Form("ftn", groups=2))
    size = max(16, restorer.sizes.padded(16, 16)[0])
    given = pictures(1, restorer.channels, size, size)
    tuning.trained(given).square().mean().backward()
    assert all(parameter.grad is not None for parameter in tuning.parameters())
    shaken(tuning, 0.05)
    assert not torch.allclose(tuning(given, 1.0), restorer.network(given), atol=1e-3)
    assert torch.equal(tuning(given, 0.0), restorer.network(given))


def test_a_patch_that_would_be_padded():
    with pytest.raises(InputError, match="patch: found 20 px, expected a multiple of 8 px, at least"):
        check_patch(foreign("DRUNet"), Plan(50, patch_px=20).patch_px)
