from __future__ import annotations

import pytest
import torch
from torch import nn

from blendgan.dfi import vgg
from blendgan.dfi.features import (
    DiscriminatorLayers,
    fitting_size,
    open_features,
    require_size,
    space_about,
)
from stylegan2.config import DiscriminatorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError

WIDTHS = (3, 4, 5, 6, 7)  # of a pico VGG's five blocks


def pico_vgg(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    tensors, inputs = {"classifier.0.weight": torch.zeros(2, 2)}, 3
    for block, width in zip(vgg.BLOCKS, WIDTHS, strict=True):
        for number in block:
            tensors[f"features.{number}.weight"] = torch.randn(width, inputs, 3, 3, generator=random)
            tensors[f"features.{number}.bias"] = torch.randn(width, generator=random)
            inputs = width
    return tensors


def test_every_layer_counts_alike(features, picture):
    space = space_about(features, picture(0))
    layers = features.layers(picture(0))
    assert [tuple(x.shape[1:]) for x in layers] == [(6, 16, 16), (8, 8, 8)]
    raw = [float(x.square().mean().sqrt()) for x in layers]
    assert max(raw) > 1.2 * min(raw)  # as they come they do not
    row = space.of(picture(0))
    assert row.shape == (1, 6 * 256 + 8 * 64)
    for part in row.split([6 * 256, 8 * 64], dim=1):
        assert float(part.square().mean()) == pytest.approx(1, rel=1e-5)
    assert float(space.of(picture(1)).square().mean()) != pytest.approx(1, rel=1e-3)


def test_pictures_of_any_size(features):
    assert features.size_px == 64
    x = torch.zeros(1, 3, 48, 16)
    assert [tuple(layer.shape[2:]) for layer in features.layers(x)] == [(24, 8), (12, 4)]
    require_size(features, 48, 16)
    with pytest.raises(InputError, match=r"size: found 12 x 48 px, expected multiples of 8, at least 8, for pico"):
        require_size(features, 48, 12)


@pytest.mark.parametrize(
    ("height", "width", "longest", "expected"),
    [
        (100, 100, 64, (64, 64)),
        (100, 50, 64, (64, 32)),
        (512, 1000, 70, (32, 64)),
        (1000, 3, 64, (64, 8)),
        (100, 150, 31, (16, 24)),
    ],
)
def test_fitting_size(features, height, width, longest, expected):
    assert fitting_size(features, height, width, longest) == expected


@pytest.mark.parametrize(
    ("height", "width", "longest", "expected"),
    [
        (100, 150, 64, (32, 64)),  # 2 is nearer to 1.5 than 1 is
        (150, 100, 64, (64, 32)),
        (100, 150, 256, (160, 256)),
        (100, 125, 64, (64, 64)),  # 1 is nearer to 1.25 than 2 is
        (3, 1000, 64, (32, 64)),
        (300, 400, 255, (160, 224)),  # 160 / 224 is nearer to 3 / 4 than 192 / 224 is
    ],
)
def test_the_nearest_aspect_in_large_blocks(features, monkeypatch, height, width, longest, expected):
    """The shipped discriminator's blocks are of 32 px."""
    monkeypatch.setattr(features, "multiple", 32)
    monkeypatch.setattr(features, "smallest_px", 32)
    assert fitting_size(features, height, width, longest) == expected


def test_a_size_that_is_too_small(features):
    with pytest.raises(InputError, match="size: found 7 px, expected at least 8 for pico"):
        fitting_size(features, 100, 100, 7)


def test_discriminators_that_do_not_serve():
    for config in (DiscriminatorConfig(8, (4, 4)), DiscriminatorConfig(16, (4, 4, 4), image_channels=1)):
        with pytest.raises(InputError, match="expected an RGB one of at least 16 px"):
            DiscriminatorLayers(Discriminator(config), "small", "0")


def test_vgg_is_what_its_file_says(tmp_path):
    """The same in torch's own modules, layer by layer in the file's order."""
    tensors = pico_vgg()
    torch.save(tensors, tmp_path / "vgg.pth")
    found = vgg.open_vgg(tmp_path / "vgg.pth")
    x = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    layers = found.layers(x * 2 - 1)
    y = (x - torch.tensor(vgg.MEAN)[:, None, None]) / torch.tensor(vgg.DEVIATION)[:, None, None]
    expected = []
    for number in range(30):
        if f"features.{number}.weight" in tensors:
            y = nn.functional.conv2d(
                y, tensors[f"features.{number}.weight"], tensors[f"features.{number}.bias"], padding=1
            )
        elif number in (4, 9, 18, 27):
            y = nn.functional.max_pool2d(y, 2)
        else:
            y = y.relu()
        if number in (11, 20, 29):  # relu 3_1, 4_1, 5_1 of torchvision's vgg19
            expected.append(y)
    assert [tuple(layer.shape) for layer in layers] == [(2, 5, 8, 12), (2, 6, 4, 6), (2, 7, 2, 3)]
    for layer, other in zip(layers, expected, strict=True):
        torch.testing.assert_close(layer, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


def test_sizes_for_vgg(tmp_path):
    torch.save(pico_vgg(), tmp_path / "vgg.pth")
    found = vgg.open_vgg(tmp_path / "vgg.pth")
    assert fitting_size(found, 600, 600, found.size_px) == (200, 200)
    assert fitting_size(found, 600, 6, found.size_px) == (200, 16)
    assert [tuple(x.shape[2:]) for x in found.layers(torch.zeros(1, 3, 200, 16))] == [(50, 4), (25, 2), (12, 1)]
    with pytest.raises(InputError, match="size: found 15 px, expected at least 16 for vgg19"):
        fitting_size(found, 600, 600, 15)


def test_vgg_where_its_file_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert open_features().name == "portraits"
    (tmp_path / "checkpoints").mkdir()
    torch.save(pico_vgg(), tmp_path / "checkpoints" / vgg.FILE)
    assert open_features().name == open_features("vgg19").name == "vgg19"
    assert open_features("portraits").name == "portraits"


def test_vgg_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(InputError, match=r"found no VGG-19 weights; fetch https://.*--features portraits"):
        open_features("vgg19")
    file = tmp_path / "vgg.pth"
    for contents in (b"", b"nothing of the kind"):
        file.write_bytes(contents)
        with pytest.raises(InputError, match="not VGG-19's weights as torchvision has them"):
            vgg.open_vgg(file)
    for tensors in ({"a": torch.zeros(1)}, [1, 2], {**pico_vgg(), "features.10.bias": torch.zeros(99)}):
        torch.save(tensors, file)
        with pytest.raises(InputError, match="not VGG-19's weights as torchvision has them"):
            vgg.open_vgg(file)


def test_a_model_without_a_discriminator(tmp_path, pico):
    pico().save(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="found no discriminator"):
        open_features(str(tmp_path / "model.safetensors"))


@pytest.mark.slow
def test_the_real_vgg(picture):
    if not vgg.find_vgg().is_file():
        pytest.skip(f"VGG-19: {vgg.find_vgg()} is not there; fetch {vgg.SOURCE}")
    layers = open_features("vgg19").layers(picture(0, 200))
    assert [tuple(x.shape[1:]) for x in layers] == [(256, 50, 50), (512, 25, 25), (512, 12, 12)]
