"""Golden files: foreign models, and the numbers that independent implementations gave for them (fp32, CPU).

Agreement: largest difference ≤ 1e-4 × max(standard deviation, 0.1 × largest magnitude) of the expected array.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import stylegan2
from stylegan2.checkpoints import load

FILES = {  # file -> expected numbers
    "nvidia_torch_64.pkl": "nvidia_torch_64",
    "nvidia_clamp_32.pkl": "nvidia_clamp_32",
    "nvidia_tf_64.pkl": "nvidia_tf_64",
    "rosinality_64.pt": "rosinality_64",
    "rosinality_64.train.pt": "rosinality_64",
}
WITHOUT_DISCRIMINATOR = ("rosinality_64.pt",)
WITHOUT_MEAN = ("rosinality_64.train.pt",)  # w_avg and what is truncated towards it apply to the other file


class Golden:
    """One file and its expected arrays, as tensors."""

    def __init__(self, folder, name: str) -> None:
        self.name, self.path = name, folder / name
        if not self.path.is_file():
            pytest.skip(f"golden files: {self.path} is not there")
        with np.load(folder / f"{FILES[name]}.expected.npz") as arrays:
            self.arrays = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        labels = self.arrays.get("c")
        self.c = labels if labels is not None and labels.shape[1] else None

    def agrees(self, key: str, found: torch.Tensor) -> None:
        """Compare with an expected array, if the file has it."""
        if key not in self.arrays:
            return
        expected = self.arrays[key].double()
        tolerance = 1e-4 * max(expected.std(), 0.1 * expected.abs().max())
        assert found.shape == expected.shape
        assert (found.double() - expected).abs().max() <= tolerance, key

    def styles(self, ws: torch.Tensor) -> torch.Tensor:
        """[N, num_ws, w] as NVIDIA's arrays have it, or [N, w]."""
        return ws if self.arrays["w"].ndim == 3 else ws[:, 0]


@pytest.fixture(params=FILES)
def golden(request, shared) -> Golden:
    return Golden(shared / "golden", request.param)


@pytest.fixture
def generator(golden):
    return stylegan2.load_generator(golden.path)


def test_mapping(golden, generator):
    z = golden.arrays["z"]
    assert not any(torch.equal(a, b) for a, b in zip(z, z[1:], strict=False))
    golden.agrees("w", golden.styles(generator.mapping(z, golden.c)))


def test_truncation(golden, generator):
    if golden.name in WITHOUT_MEAN:
        pytest.skip("the file has no mean latent")
    z = golden.arrays["z"]
    golden.agrees("w_avg", generator.mapping.w_avg)
    golden.agrees("w_trunc07", golden.styles(generator.mapping(z, golden.c, truncation_psi=0.7)))
    cut = generator.mapping(z, golden.c, truncation_psi=0.5, truncation_cutoff=4)
    golden.agrees("w_trunc05_cutoff4", golden.styles(cut))
    truncated = generator.mapping(z, golden.c, truncation_psi=0.7)
    golden.agrees("img_trunc07_noise_const", generator.synthesis(truncated, noise_mode="const"))


def test_pictures(golden, generator):
    ws = generator.mapping(golden.arrays["z"], golden.c)
    golden.agrees("img_noise_const", generator.synthesis(ws, noise_mode="const"))
    golden.agrees("img_noise_none", generator.synthesis(ws, noise_mode="none"))


def test_style_mixing(golden, generator):
    ws = generator.mapping(golden.arrays["z"], golden.c)
    half = ws.shape[1] // 2
    mixed = torch.cat([ws[:, :half], ws.flip(0)[:, half:]], dim=1)
    golden.agrees("ws_mix", mixed)
    golden.agrees("img_mix_noise_const", generator.synthesis(mixed, noise_mode="const"))


def test_discriminator(golden):
    if golden.name in WITHOUT_DISCRIMINATOR:
        pytest.skip("the file has no discriminator")
    discriminator = stylegan2.load_discriminator(golden.path)
    golden.agrees("D_logits", discriminator(0.1 * golden.arrays["img_noise_const"], golden.c))


def test_a_native_copy_is_the_same_model(golden, tmp_path):
    original = load(golden.path)
    original.save(tmp_path / "copy.safetensors")
    copy = load(tmp_path / "copy.safetensors")
    assert (copy.config, copy.discriminator) == (original.config, original.discriminator)
    assert stylegan2.checkpoints.fingerprint(copy) == stylegan2.checkpoints.fingerprint(original)


def test_what_stands_in_keyword_arguments_only(shared):
    golden = Golden(shared / "golden", "nvidia_clamp_32.pkl")
    found = load(golden.path)
    assert (found.config.conv_clamp, found.discriminator.conv_clamp) == (1.5, 1.5)
    assert (found.config.architecture, found.config.num_classes) == ("resnet", 3)
