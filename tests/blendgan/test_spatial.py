"""Two generators, one picture: each model's very picture at mask 0 and 1, how far an edge reaches, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from blendgan.blending import blend_models
from blendgan.cli.main import run
from blendgan.generation import Blending, Drawing, generate
from blendgan.images import read_metadata
from blendgan.masks import WHITE, Mask, load_mask
from blendgan.papers import METADATA_KEY
from blendgan.recipe import recipe_of
from blendgan.schedule import Swap, Uniform
from blendgan.sources import open_source
from blendgan.spatial import Masking, SpatialPair
from stylegan2.checkpoints import fingerprint
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import InputError, RecipeError, ShapeMismatch
from stylegan2.generator import Generator
from stylegan2.loading import load_generator

CONFIG = GeneratorConfig(32, (8, 6, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8)
CLASS = torch.tensor([[0.0, 1.0, 0.0]])
TOLERANCE = 1e-5  # what was promised; the pictures are in fact the same bits


def flat(level: float) -> Mask:
    return Mask("flat", np.full((5, 5), round(level * WHITE), np.uint16))


def left_half(height: int, width: int) -> Mask:
    levels = np.zeros((height, width), np.uint16)
    levels[:, : width // 2] = WHITE
    return Mask("left half", levels)


def ws_of(count: int, config: GeneratorConfig = CONFIG) -> Tensor:
    return torch.randn(count, config.num_ws, config.w_dim, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def models(pico):
    """Two generators of different tensors everywhere: `models(architecture="orig")`."""

    def build(**changes: object) -> tuple[Generator, Generator]:
        config = replace(CONFIG, **changes)
        return load_generator(pico(0, config)), load_generator(pico(1, config))

    return build


@pytest.mark.parametrize("start", [4, 8, 32])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mask_0_and_1_give_the_models_pictures(models, architecture, start):
    base, blend = models(architecture=architecture, const_size=(4, 6), num_classes=3, conv_clamp=20.0)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(5))
    for level, model in ((0, base), (1, blend)):
        pair = SpatialPair(base, blend, flat(level), start)
        ws = pair.mapping(z, CLASS.expand(2, -1), truncation_psi=0.7)
        expected = model.synthesis(ws)
        assert expected.shape == (2, 3, 32, 48)
        torch.testing.assert_close(pair.synthesis(ws), expected, atol=TOLERANCE, rtol=0)
    assert (base.synthesis(ws) - blend.synthesis(ws)).abs().mean() > 0.1


@pytest.mark.parametrize("mode", ["const", "random", "none"])
@pytest.mark.parametrize("level", [0, 1])
def test_noise_is_each_models_own_or_the_same_in_both(models, mode, level):
    base, blend = models()
    source = [torch.Generator().manual_seed(11) for _ in range(2)]
    expected = (base, blend)[level].synthesis(ws_of(2), mode, source[0])
    drawn = SpatialPair(base, blend, flat(level)).synthesis(ws_of(2), mode, source[1])
    torch.testing.assert_close(drawn, expected, atol=TOLERANCE, rtol=0)
    other = {"const": "none", "random": "const", "none": "const"}[mode]
    assert (drawn - SpatialPair(base, blend, flat(level)).synthesis(ws_of(2), other)).abs().max() > 0.1


def test_fitted_noise_goes_to_both(models):
    base, blend = models()
    noise = {"b16.conv0": torch.ones(1, 1, 16, 16)}
    for level, model in ((0, base), (1, blend)):
        drawn = SpatialPair(base, blend, flat(level)).synthesis(ws_of(1), noise=noise)
        torch.testing.assert_close(drawn, model.synthesis(ws_of(1), noise=noise), atol=TOLERANCE, rtol=0)
        assert (drawn - model.synthesis(ws_of(1))).abs().max() > 0.1


@pytest.mark.parametrize("start", [4, 8, 16, 32])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_edge_reaches_less_than_four_pixels_of_the_first_resolution(models, architecture, start):
    """Beyond 4 k - 3 px (k = 32 / R) from a hard edge each side is its model's picture; at that distance it is not."""
    base, blend = models(architecture=architecture, const_size=(4, 16))
    ws = ws_of(2)
    picture = SpatialPair(base, blend, left_half(32, 128), start).synthesis(ws)
    from_blend = (picture - blend.synthesis(ws)).abs().amax((0, 1, 2))[:64].flip(0)  # [px from the edge]
    from_base = (picture - base.synthesis(ws)).abs().amax((0, 1, 2))[64:]
    reach = 4 * (32 // start) - 3
    for difference in (from_blend, from_base):
        assert difference[reach:].max() < TOLERANCE
        assert difference[reach - 1] > 10 * TOLERANCE


def test_a_sample_does_not_depend_on_its_batch(models):
    pair = SpatialPair(*models(), load_mask("eyes"), 8)
    ws = ws_of(3)
    torch.testing.assert_close(pair.synthesis(ws)[1:2], pair.synthesis(ws[1:2]), atol=1e-4, rtol=1e-4)
    assert (pair.synthesis(ws)[0] - pair.synthesis(ws)[1]).abs().max() > 0.1


def test_two_of_one_model_are_that_model_whatever_the_mask(models):
    base, other = models()
    expected = base.synthesis(ws_of(1))
    torch.testing.assert_close(
        SpatialPair(base, base, load_mask("left"), 4).synthesis(ws_of(1)), expected, atol=1e-4, rtol=1e-4
    )
    assert (SpatialPair(base, other, load_mask("left"), 4).synthesis(ws_of(1)) - expected).abs().max() > 0.1


def test_the_first_resolution_matters_and_has_a_default(models):
    base, blend = models()
    pictures = {start: SpatialPair(base, blend, load_mask("left"), start).synthesis(ws_of(1)) for start in (8, 16, 32)}
    assert (pictures[8] - pictures[16]).abs().max() > 1e-2
    assert torch.equal(SpatialPair(base, blend, load_mask("left")).synthesis(ws_of(1)), pictures[16])
    small = models(resolution=8, channels=(8, 6))
    assert SpatialPair(*small, load_mask("left")).from_resolution == 8


def test_in_half_precision_too(pico):
    base, blend = (load_generator(pico(seed, CONFIG), precision="bf16") for seed in (0, 1))
    drawn = SpatialPair(base, blend, flat(1)).synthesis(ws_of(1))
    assert torch.equal(drawn, blend.synthesis(ws_of(1)))
    assert drawn.dtype == torch.float32


def test_the_pair_stands_where_a_generator_does(models):
    base, blend = models()
    pair = SpatialPair(base, blend, load_mask("left")).to("cpu")
    assert isinstance(pair, Generator)
    assert (pair.config, pair.device) == (base.config, torch.device("cpu"))
    assert pair.mapping_fingerprint == base.mapping_fingerprint
    assert pair.papers() == {"region": "left", "from": 16}


@pytest.mark.parametrize("start", [2, 12, 64])
def test_a_resolution_that_the_models_have_not(models, start):
    with pytest.raises(InputError) as caught:
        SpatialPair(*models(), load_mask("left"), start)
    assert str(caught.value) == f"mask-from: found {start} px, expected a resolution of the models: 4, 8, 16, 32"


def test_models_of_two_architectures_are_refused(models):
    with pytest.raises(ShapeMismatch, match=r"mask: BASE has channels \(8, 6, 6, 4\), the blend \(8, 6, 6, 5\)"):
        SpatialPair(models()[0], models(channels=(8, 6, 6, 5))[1], load_mask("left"))


# ---- pictures from seeds --------------------------------------------------------------------------------------


@pytest.fixture
def blending(pico):
    return Blending(tuple(open_source(pico(seed, CONFIG)) for seed in (0, 1)), recipe_of(Swap(8)))


def test_a_blend_is_drawn_as_its_file_would_be(blending):
    (picture,) = generate(Drawing(blending, (7,), truncation_psi=0.5))
    blended = blend_models(blending.sources, blending.recipe)
    expected = load_generator(blended)
    z = torch.from_numpy(np.random.RandomState(7).randn(1, 8)).float()
    ws = expected.mapping(z, truncation_psi=0.5)
    torch.testing.assert_close(picture.image, expected.synthesis(ws), atol=1e-4, rtol=1e-4)
    assert json.loads(picture.metadata[METADATA_KEY])["models"] == [
        {"name": "blend", "fingerprint": fingerprint(blended)}
    ]


@pytest.mark.parametrize("noise_mode", ["const", "random"])
def test_masked_pictures_of_seeds(blending, noise_mode):
    def draw(level: float | None, recipe=blending.recipe) -> Tensor:
        masking = None if level is None else Masking(flat(level))
        drawing = Drawing(replace(blending, masking=masking, recipe=recipe), (7,), 0.7, noise_mode=noise_mode)
        return next(generate(drawing)).image

    torch.testing.assert_close(draw(1), draw(None), atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(draw(0), draw(None, recipe_of(Uniform(0.0))), atol=TOLERANCE, rtol=0)
    assert (draw(1) - draw(0)).abs().max() > 0.1


@pytest.mark.parametrize("policy", ["mapping", "w_avg"])
def test_a_mask_needs_one_mapping_network(blending, policy):
    recipe = recipe_of(Swap(8), **{policy: 0.5})
    assert next(generate(Drawing(replace(blending, recipe=recipe), (0,)))).image.shape == (1, 3, 32, 32)
    masked = replace(blending, recipe=recipe, masking=Masking(load_mask("left")))
    with pytest.raises(RecipeError, match=f"{policy}: found 0.5, expected base, since with a mask both models draw"):
        next(generate(Drawing(masked, (0,))))


@pytest.fixture
def recipe_file(pico, tmp_path):
    for seed, name in ((0, "base"), (1, "transfer")):
        pico(seed, CONFIG).save(tmp_path / f"{name}.safetensors")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"base: {{model: {json.dumps(str(tmp_path / 'base.safetensors'))}}}\n"
        f"transfers:\n  - model: {json.dumps(str(tmp_path / 'transfer.safetensors'))}\n"
        "    schedule: {kind: swap, resolution: 8}\n",
        encoding="utf-8",
    )
    return path


def test_the_command_draws_and_says_the_mask(recipe_file, tmp_path):
    Image.new("L", (16, 16), 255).save(tmp_path / "white.png")
    words = ["generate", "--blend", str(recipe_file), "--seeds", "3", "--quiet", "--outdir"]
    assert run([*words, str(tmp_path / "plain")]) == 0
    assert run([*words, str(tmp_path / "white"), "--mask", str(tmp_path / "white.png"), "--mask-from", "8"]) == 0
    assert run([*words, str(tmp_path / "eyes"), "--mask", "eyes"]) == 0
    plain, white, eyes = (
        np.asarray(Image.open(tmp_path / name / "seed0003.png")) for name in ("plain", "white", "eyes")
    )
    assert np.array_equal(plain, white)
    assert not np.array_equal(plain, eyes)
    said = {
        n: json.loads(read_metadata(tmp_path / n / "seed0003.png")[METADATA_KEY]) for n in ("plain", "white", "eyes")
    }
    digest = Mask("", np.full((16, 16), WHITE, np.uint16)).digest
    assert said["white"]["mask"] == {"file": "white.png", "sha256": digest, "from": 8}
    assert said["eyes"]["mask"] == {"region": "eyes", "from": 16}
    assert "mask" not in said["plain"]
    assert said["eyes"]["recipe"]["transfers"][0]["schedule"] == {
        "kind": "swap", "resolution": 8, "transfer_gives": "low",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--mask", "eyes"], "--mask goes with --blend"),
        (["--mask-from", "8"], "--mask-from goes with --mask"),
        (["--blend", "RECIPE", "--network", "portraits"], "--network and --blend are given; choose one"),
        (["--blend", "RECIPE", "--mask", "nose"], "mask: found 'nose', expected a picture file, or a region"),
        (["--blend", "RECIPE", "--mask", "eyes", "--mask-from", "12"], "mask-from: found 12 px, expected"),
    ],
)
def test_what_the_command_refuses(recipe_file, tmp_path, capsys, words, message):
    words = [str(recipe_file) if word == "RECIPE" else word for word in words]
    assert run(["generate", *words, "--outdir", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
