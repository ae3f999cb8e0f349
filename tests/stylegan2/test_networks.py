"""Generator and discriminator: shapes, the meaning of every argument, and the golden files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stylegan2 import layers
from stylegan2.config import ARCHITECTURES, DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError, ShapeMismatch
from stylegan2.generator import Generator, truncate
from stylegan2.layers import MinibatchStddev, SynthesisLayer
from stylegan2.loading import estimate_w_avg, load_discriminator, load_generator

PICO = GeneratorConfig(16, (8, 7, 5), z_dim=8, w_dim=6, mapping_layers=2, mapping_width=10, embed_dim=4)
PICO_D = DiscriminatorConfig(16, (8, 7, 5), cmap_dim=6, mapping_layers=2, mapping_width=10, embed_dim=4)


def pico_generator(**changes: object) -> Generator:
    """A generator with every tensor random, so that none can be dropped unseen."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator(replace(PICO, **changes))  # type: ignore[arg-type]
        for name, tensor in generator.state_dict().items():
            tensor.normal_()
            if name.startswith("mapping.fc"):
                tensor.div_(generator.config.lr_multiplier)
    return generator.eval().requires_grad_(False)


def pico_discriminator(**changes: object) -> Discriminator:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(1)
        return Discriminator(replace(PICO_D, **changes)).requires_grad_(False)  # type: ignore[arg-type]


def z_of(count: int) -> Tensor:
    return torch.randn(count, PICO.z_dim, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pictures_have_the_size_that_the_config_says(architecture: str) -> None:
    generator = pico_generator(architecture=architecture, const_size=(4, 6))
    assert generator.config.image_size == (16, 24)
    assert generator(z_of(2)).shape == (2, 3, 16, 24)
    assert pico_discriminator(architecture=architecture, const_size=(4, 6))(generator(z_of(4))).shape == (4, 1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_sample_does_not_depend_on_its_batch(architecture: str) -> None:
    generator = pico_generator(architecture=architecture)
    together = generator(z_of(3))
    assert together.std() > 0
    torch.testing.assert_close(generator(z_of(3)[1:2])[0], together[1], atol=1e-4, rtol=1e-4)


def test_only_the_skip_architecture_has_rgb_at_every_resolution() -> None:
    names = {a: pico_generator(architecture=a).state_dict().keys() for a in ARCHITECTURES}
    assert "synthesis.b4.torgb.weight" in names["skip"]
    assert "synthesis.b4.torgb.weight" not in names["resnet"] | names["orig"]
    assert "synthesis.b8.skip.weight" in names["resnet"]
    assert "synthesis.b16.torgb.weight" in names["orig"]


def test_truncation_pulls_leading_styles_toward_the_mean() -> None:
    generator = pico_generator()
    ws, w_avg = generator.mapping(z_of(2)), generator.mapping.w_avg
    torch.testing.assert_close(generator.mapping(z_of(2), truncation_psi=0.7), w_avg + 0.7 * (ws - w_avg))
    cut = generator.mapping(z_of(2), truncation_psi=0.0, truncation_cutoff=2)
    torch.testing.assert_close(cut[:, :2], w_avg.expand(2, 2, -1))
    assert torch.equal(cut[:, 2:], ws[:, 2:])
    assert torch.equal(truncate(ws, w_avg, 1.0), ws)


def test_each_style_row_reaches_its_own_layer() -> None:
    """Row i moves the picture, whichever i; row 0 alone steers the const's convolution."""
    generator = pico_generator()
    ws = generator.mapping(z_of(1))
    plain = generator.synthesis(ws)
    for row in range(generator.config.num_ws):
        changed = ws.clone()
        changed[:, row] += 1
        assert (generator.synthesis(changed) - plain).abs().max() > 1e-3, row


def test_noise_modes() -> None:
    generator = pico_generator()
    ws = generator.mapping(z_of(2))
    const, none = generator.synthesis(ws), generator.synthesis(ws, noise_mode="none")
    first, again, other = (generator.synthesis(ws, "random", torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(const, generator.synthesis(ws, noise_mode="const"))
    assert torch.equal(first, again)
    for a, b in [(const, none), (const, first), (first, other)]:
        assert (a - b).abs().max() > 1e-3
    given = {"b16.conv1": torch.zeros(1, 1, 16, 16)}
    assert (generator.synthesis(ws, noise=given) - const).abs().max() > 1e-3
    with pytest.raises(ValueError, match="noise_mode is 'loud'"):
        generator.synthesis(ws, noise_mode="loud")


def test_style_mixing_takes_coarse_from_one_and_fine_from_the_other() -> None:
    generator = pico_generator(architecture="orig")
    a, b = generator.mapping(z_of(2)).unbind()
    mixed = torch.cat([a[:2], b[2:]])[None]
    assert (generator.synthesis(mixed) - generator.synthesis(a[None])).abs().max() > 1e-3
    assert (generator.synthesis(mixed) - generator.synthesis(b[None])).abs().max() > 1e-3


def test_labels_matter_and_are_asked_for() -> None:
    generator, discriminator = pico_generator(num_classes=3), pico_discriminator(num_classes=3)
    one, two = torch.eye(3)[:1].expand(4, -1), torch.eye(3)[1:2].expand(4, -1)
    assert (generator(z_of(4), one) - generator(z_of(4), two)).abs().max() > 1e-3
    pictures = generator(z_of(4), one)
    assert (discriminator(pictures, one) - discriminator(pictures, two)).abs().max() > 1e-4
    with pytest.raises(ValueError, match="3 classes"):
        generator(z_of(4))
    with pytest.raises(ValueError, match="3 classes"):
        discriminator(pictures)


def test_conv_clamp_binds_in_full_precision() -> None:
    wild, clamped = pico_generator(architecture="orig"), pico_generator(architecture="orig", conv_clamp=0.5)
    assert wild(z_of(2)).abs().max() > 0.5
    assert clamped(z_of(2)).abs().max() <= 0.5


def test_minibatch_stddev_sees_the_spread_of_its_group() -> None:
    x = torch.zeros(4, 2, 4, 4)
    x[2:] = 2.0  # groups of two pair sample i with i + 2: spread 1 everywhere
    y = MinibatchStddev(group=2, channels=1)(x)
    torch.testing.assert_close(y[:, 2], torch.ones(4, 4, 4))
    torch.testing.assert_close(
        MinibatchStddev(group=4, channels=1)(torch.ones(4, 2, 4, 4))[:, 2], torch.full([4, 4, 4], 1e-4)
    )


def test_bf16_is_a_preview_of_fp32(pico) -> None:  # type: ignore[no-untyped-def]
    checkpoint = pico(0)
    full, half = load_generator(checkpoint), load_generator(checkpoint, precision="bf16")
    ws = full.mapping(torch.randn(2, 8, generator=torch.Generator().manual_seed(0)))
    a, b = full.synthesis(ws), half.synthesis(ws)
    assert b.dtype == torch.float32
    assert 0 < (a - b).abs().max() < 0.2 * a.std() + 0.2
    with pytest.raises(InputError, match="precision: found 'fp8'"):
        load_generator(checkpoint, precision="fp8")


def test_a_missing_mean_w_is_estimated_and_said(pico, caplog) -> None:  # type: ignore[no-untyped-def]
    checkpoint = pico(0)
    tensors = {name: t for name, t in checkpoint.tensors.items() if name != "mapping.w_avg"}
    generator = load_generator(replace(checkpoint, tensors=tensors))
    assert "w_avg" in caplog.text
    torch.testing.assert_close(generator.mapping.w_avg, estimate_w_avg(generator))
    assert generator.mapping.w_avg.abs().max() > 0


def test_a_model_without_discriminator_says_so(pico) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CheckpointError, match="^model: found no discriminator in the file; expected [a-z ]*$"):
        load_discriminator(pico(0))


def test_a_model_in_memory_is_whole_or_refused(pico) -> None:  # type: ignore[no-untyped-def]
    checkpoint = pico(0)
    tensors = {**checkpoint.tensors, "synthesis.b8.conv1.bias": torch.zeros(9)}
    del tensors["mapping.fc0.weight"], tensors["synthesis.b8.conv0.noise_const"]  # the noise is drawn anew
    with pytest.raises(ShapeMismatch, match="1 missing: mapping.fc0.weight .*; 1 of another shape: synthesis.b8.conv1"):
        load_generator(replace(checkpoint, tensors=tensors))


# ---- golden files ---------------------------------------------------------------------------------------------

GOLDEN = {  # file: where its expected numbers are
    "nvidia_torch_64.pkl": "nvidia_torch_64",
    "nvidia_clamp_32.pkl": "nvidia_clamp_32",
    "nvidia_tf_64.pkl": "nvidia_tf_64",
    "rosinality_64.pt": "rosinality_64",
    "rosinality_64.train.pt": "rosinality_64",
}


def assert_agrees(name: str, actual: Tensor, expected: Tensor) -> None:
    """The golden files' own rule: 1e-4 of the spread, or of a tenth of the largest magnitude."""
    tolerance = 1e-4 * max(float(expected.std()), 0.1 * float(expected.abs().max()))
    difference = float((actual - expected).abs().max())
    assert difference <= tolerance, f"{name}: largest difference {difference:.2e}, allowed {tolerance:.2e}"


def computed(generator: Generator, numbers: dict[str, Tensor]) -> dict[str, Tensor]:
    """Everything that a golden file may hold, under its keys."""
    c = numbers.get("c")
    c = c if c is not None and c.shape[1] else None
    ws = generator.mapping(numbers["z"], c)
    truncated = generator.mapping(numbers["z"], c, truncation_psi=0.7)
    half = ws.shape[1] // 2
    mixed = torch.cat([ws[:, :half], ws.flip(0)[:, half:]], dim=1)
    return {
        "w": ws,
        "w_avg": generator.mapping.w_avg,
        "w_trunc07": truncated,
        "w_trunc05_cutoff4": generator.mapping(numbers["z"], c, truncation_psi=0.5, truncation_cutoff=4),
        "img_noise_const": generator.synthesis(ws),
        "img_noise_none": generator.synthesis(ws, noise_mode="none"),
        "img_trunc07_noise_const": generator.synthesis(truncated),
        "ws_mix": mixed,
        "img_mix_noise_const": generator.synthesis(mixed),
    }


@pytest.mark.parametrize("file", GOLDEN)
def test_golden_numbers(file: str, shared: Path) -> None:
    folder = shared / "golden"
    with np.load(folder / f"{GOLDEN[file]}.expected.npz") as archive:
        numbers = {key: torch.from_numpy(archive[key]) for key in archive.files}
    ours = computed(load_generator(folder / file), numbers)
    if ".train." in file:  # rosinality's training files have no mean w
        ours = {key: value for key, value in ours.items() if "trunc" not in key and key != "w_avg"}
    compared = [key for key in ours if key in numbers]
    assert len(compared) >= 3
    for key in compared:
        expected = numbers[key]
        assert_agrees(key, ours[key][:, 0] if expected.ndim == 2 and ours[key].ndim == 3 else ours[key], expected)


@pytest.mark.parametrize("file", [f for f in GOLDEN if f != "rosinality_64.pt"])  # that one has no discriminator
def test_golden_logits(file: str, shared: Path) -> None:
    folder = shared / "golden"
    with np.load(folder / f"{GOLDEN[file]}.expected.npz") as archive:
        pictures, logits = torch.from_numpy(archive["img_noise_const"]), torch.from_numpy(archive["D_logits"])
        c = torch.from_numpy(archive["c"]) if "c" in archive.files else None
    discriminator = load_discriminator(folder / file)
    c = c if discriminator.config.num_classes else None
    assert_agrees("D_logits", discriminator(0.1 * pictures, c), logits)


def test_fp16_computes_the_top_resolutions_and_clamps_them(pico) -> None:  # type: ignore[no-untyped-def]
    config = replace(PICO, resolution=64, channels=(8, 8, 8, 6, 4))
    checkpoint = pico(0, config)
    full, half = load_generator(checkpoint), load_generator(checkpoint, precision="fp16")
    computes = [half.synthesis.get_submodule(f"b{r}").compute for r in config.resolutions]
    assert computes == [None, *[torch.float16] * 4]  # four of the paper's, of which 4 px is never one
    assert (half.synthesis.b64.conv1.clamp, half.synthesis.b64.torgb.clamp) == (256.0, 256.0)
    assert (half.synthesis.b4.conv1.clamp, full.synthesis.b64.conv1.clamp) == (None, None)
    ws = full.mapping(torch.randn(1, 8, generator=torch.Generator().manual_seed(0)))
    a, b = full.synthesis(ws), half.synthesis(ws)
    assert b.dtype == torch.float32
    assert 0 < (a - b).abs().max() < 0.05 * a.std()
    assert all(p.dtype == torch.float32 for p in half.parameters())


@pytest.mark.parametrize("with_gradients", [False, True])
def test_fp16_holds_what_the_demodulation_would_undo(with_gradients: bool) -> None:
    """Large weights and styles overflow fp16 inside a convolution, though its demodulated result is of size 1."""
    layer = SynthesisLayer(32, 8, 6, (8, 8), torch.ones(4, 4) / 16).requires_grad_(with_gradients)
    with torch.no_grad():
        layer.weight.mul_(1e3)
        layer.affine.weight.mul_(1e3)
    x, w = torch.randn(2, 32, 8, 8, generator=torch.Generator().manual_seed(0)), torch.ones(2, 6)
    with torch.set_grad_enabled(with_gradients):
        full, half = layer(x, w, None), layer(x.half(), w, None)
    torch.testing.assert_close(half.float(), full, atol=0.02, rtol=0.02)


def test_noise_of_strength_zero_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = pico_generator()
    generator.synthesis.b8.conv0.noise_strength.zero_()
    seen = []
    whole = layers.styled_conv2d

    def watched(*arguments: object, **how: object) -> Tensor:
        seen.append(how.get("noise"))
        return whole(*arguments, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(layers, "styled_conv2d", watched)
    ws = generator.mapping(z_of(1))
    with torch.no_grad():
        quick = generator.synthesis(ws)
    assert [noise is None for noise in seen if not isinstance(noise, str)].count(True) == 4  # b8.conv0, three to-RGBs
    monkeypatch.undo()
    torch.testing.assert_close(quick, generator.synthesis(ws))
