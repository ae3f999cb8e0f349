"""Networks of spandrel's own, small and random, where the library can be imported."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from blendgan.dni.mixing import interpolate
from blendgan.masks import Mask
from blendgan.restoration.recognition import recognise
from blendgan.restoration.region_map import Levels, fit_mask
from blendgan.restoration.regional import Regional
from blendgan.restoration.restorer import Sizes
from blendgan.restoration.tiles import restore
from stylegan2.errors import InputError, ShapeMismatch

pytestmark = pytest.mark.usefixtures("spandrel")

MAKERS = {  # architecture: its class, sizes that make it small, whether features can be mixed
    "ESRGAN": ("ESRGAN", {"num_filters": 8, "num_blocks": 1}, True),
    "DRUNet": ("DRUNet", {"in_nc": 2, "nc": [4, 8, 8, 8], "nb": 4}, True),
    "SwinIR": ("SwinIR", {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 8, "img_range": 1.0}, False),
}


@pytest.fixture
def tensors():
    """`tensors(architecture, seed)`"""

    def build(kind, seed):
        name, sizes, _ = MAKERS[kind]
        network = getattr(importlib.import_module(f"spandrel.architectures.{kind}"), name)(**sizes)
        random = torch.Generator().manual_seed(seed)
        return {
            name: torch.randn(t.shape, generator=random) * 0.1 if t.is_floating_point() and "mask" not in name else t
            for name, t in network.state_dict().items()
        }

    return build


@pytest.mark.parametrize("kind", MAKERS)
def test_it_runs_in_tiles_and_is_mixed(tensors, picture, kind):
    a, b = tensors(kind, 0), tensors(kind, 1)
    restorer, photo = recognise(a, "net"), picture(37, 50)
    first, last = restore(restorer, photo), restore(restorer.with_tensors(b), photo)
    middle = restore(restorer.with_tensors(interpolate([a, b], (0.5, 0.5))), photo)
    assert first.shape == (37 * restorer.scale, 50 * restorer.scale, 3)
    assert not np.array_equal(first, last) and not np.array_equal(middle, last)
    tiled = restore(restorer, photo, tile=16)
    assert np.abs(tiled.astype(int) - first).mean() < 2
    assert kind.lower() in restorer.architecture.lower() and restorer.architecture.endswith("(by spandrel)")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("in_features", [False, True])
def test_regions(tensors, picture, kind, in_features):
    a, b = tensors(kind, 0), tensors(kind, 1)
    ends, photo = (recognise(a, "net"), recognise(b, "net")), picture(37, 50)
    levels = np.zeros((37, 50), np.uint16)
    levels[:, 25:] = 65535
    regions = fit_mask(Mask("m", levels), Levels((0, 255), (0, 1)), 37, 50)
    if in_features and not MAKERS[kind][2]:
        with pytest.raises(InputError, match="in features: .* has weights that act on no map of pixels"):
            Regional(ends, regions, in_features)
        return
    drawn = restore(Regional(ends, regions, in_features), photo)
    first, last = (restore(end, photo) for end in ends)
    assert not np.array_equal(drawn, first) and not np.array_equal(drawn, last)
    if not in_features:
        edge = 25 * ends[0].scale
        assert np.array_equal(drawn[:, : edge - 4], first[:, : edge - 4])
        assert np.array_equal(drawn[:, edge + 4 :], last[:, edge + 4 :])


def test_demands_on_sizes_are_read(tensors):
    assert recognise(tensors("DRUNet", 0), "net").sizes == Sizes(8)
    assert recognise(tensors("ESRGAN", 0), "net").sizes == Sizes(1, 2)


def test_damaged_files_name_a_tensor(tensors):
    whole, key = tensors("DRUNet", 0), "m_body.3.res.2.weight"
    lost = {name: tensor for name, tensor in whole.items() if name != key}
    for damaged, words in (
        (lost, f"{key} is missing"),
        (whole | {key: torch.zeros(1, 2, 3, 3)}, f"{key}: found [1, 2, 3, 3], expected [8, 8, 3, 3]"),
        (whole | {"more.weight": torch.zeros(1)}, "found more.weight, which the architecture does not have"),
    ):
        with pytest.raises(ShapeMismatch) as caught:
            recognise(damaged, "net")
        assert str(caught.value) == f"net: {words}; is the file whole?"


def test_ours_comes_first(dncnn, compact, tmp_path):
    """What we know by ourselves is never handed on, so that it is the same network with the library and without."""
    for tensors in (dncnn(0), compact(0)):
        save_file(tensors, tmp_path / "net.safetensors")
        assert "spandrel" not in recognise(tensors, "net").architecture
