"""The laws of blends of several models, of channels, and of blends that stream from file to file."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blendgan.blending import blend, blend_lazily, blend_models
from blendgan.channels import Ramp, Top
from blendgan.recipe import Model, Recipe, Transfer, recipe_of
from blendgan.schedule import Band, Linear, Sigmoid, Swap, Uniform
from blendgan.sources import Source
from stylegan2 import checkpoints
from stylegan2.checkpoints import Checkpoint
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import InputError, RecipeError

law = settings(deadline=None, max_examples=20)  # no deadline: a busy machine breaks no law

CONFIGS = tuple(
    GeneratorConfig(16, (5, 4, 3), 6, 6, num_classes=classes, mapping_layers=2, mapping_width=6, embed_dim=2,
                    architecture=architecture, const_size=const_size)
    for architecture, classes, const_size in zip(ARCHITECTURES, (0, 3, 0), ((4, 4), (4, 4), (3, 5)), strict=True)
)  # fmt: skip
configs = st.sampled_from(CONFIGS)
dtypes = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])
seeds = st.integers(0, 1000)
schedules = st.sampled_from([Swap(8), Swap(8, "high"), Sigmoid(8, 1), Linear(4, 16), Band(8, 1, 0.5), Uniform(0.7)])
channels = st.sampled_from([None, Ramp(0, 1), Ramp(1, 0.25), Top(0.5, "change"), Top(0.5, "correlation")])
policies = st.sampled_from(["base", "transfer", 0.5])


def random_source(seed: int, config: GeneratorConfig, dtype: torch.dtype = torch.float32) -> Source:
    random = torch.Generator().manual_seed(seed)
    shapes = checkpoints.expected_shapes(config)
    tensors = {name: torch.randn(shape, generator=random).to(dtype) for name, shape in shapes.items()}
    return Source(f"model {seed}", Checkpoint(config, tensors, {"format": "test"}))


def twin(source: Source) -> Source:
    tensors = {name: tensor.clone() for name, tensor in source.checkpoint.tensors.items()}
    return replace(source, checkpoint=replace(source.checkpoint, tensors=tensors))


def assert_same(a: Checkpoint, b: Checkpoint) -> None:
    assert a.tensors.keys() == b.tensors.keys()
    for name, tensor in a.tensors.items():
        assert tensor.dtype == b.tensors[name].dtype
        assert torch.equal(tensor, b.tensors[name]), name


@law
@given(st.lists(st.tuples(schedules, channels), min_size=1, max_size=3), policies, seeds, configs, dtypes)
def test_many_times_the_same_model_is_itself(parts, policy, seed, config, dtype):
    source = random_source(seed, config, dtype)
    transfers = tuple(Transfer(schedule, 1 / len(parts), gain) for schedule, gain in parts)
    recipe = Recipe(transfers, policy, policy, policy)
    assert_same(blend_models([source, *(twin(source) for _ in parts)], recipe), source.checkpoint)


@law
@given(schedules, channels, st.lists(st.floats(-1, 1.5), min_size=3, max_size=3), seeds, configs, dtypes)
def test_the_order_of_the_transfers_is_no_matter(schedule, gain, weights, seed, config, dtype):
    base, *sources = (random_source(seed + i, config, dtype) for i in range(4))
    pairs = [(source, Transfer(schedule, weight, gain)) for source, weight in zip(sources, weights, strict=True)]
    results = []
    assert not torch.equal(*(source.checkpoint.tensors["synthesis.b4.const"] for source in sources[:2]))
    for order in (pairs, pairs[::-1], [pairs[1], pairs[0], pairs[2]]):
        recipe = Recipe(tuple(transfer for _, transfer in order), noise=0.5, task_vectors=True)
        results.append(blend_models([base, *(source for source, _ in order)], recipe))
    for other in results[1:]:
        assert_same(results[0], other)


@law
@given(schedules, policies, seeds, configs, dtypes)
def test_a_transfer_of_weight_0_is_not_there(schedule, policy, seed, config, dtype):
    base, a, b = (random_source(seed + i, config, dtype) for i in range(3))
    alone = recipe_of(schedule, policy, policy, policy)
    both = replace(alone, transfers=(Transfer(schedule), Transfer(Uniform(1), 0.0)))
    assert_same(blend_models([base, a, b], both), blend_models([base, a], alone))


@law
@given(schedules, st.floats(0, 1), seeds, configs, dtypes)
def test_constant_gains_are_the_plain_schedule(schedule, gain, seed, config, dtype):
    base, transfer = random_source(seed, config, dtype), random_source(seed + 1, config, dtype)
    ramp = Recipe((Transfer(schedule, channels=Ramp(gain, gain)),))
    weight = Recipe((Transfer(schedule, weight=gain),))
    assert_same(blend_models([base, transfer], ramp), blend_models([base, transfer], weight))


def test_two_transfers_are_the_formula():
    base, a, b = (random_source(i, CONFIGS[0]) for i in range(3))
    result = blend_models([base, a, b], Recipe((Transfer(Uniform(1), 0.5), Transfer(Swap(8), 0.3))))
    x, y, z = (source.checkpoint.tensors["synthesis.b8.conv0.weight"].double() for source in (base, a, b))
    assert torch.equal(result.tensors["synthesis.b8.conv0.weight"], (x + (0.5 * (y - x) + 0.3 * (z - x))).float())
    high = torch.lerp(*(m.checkpoint.tensors["synthesis.b16.conv0.weight"] for m in (base, a)), 0.5)
    assert torch.equal(result.tensors["synthesis.b16.conv0.weight"], high)


def test_a_task_vector_may_be_taken_away():
    base, a = random_source(0, CONFIGS[0]), random_source(1, CONFIGS[0])
    result = blend_models([base, a], Recipe((Transfer(Uniform(1), -0.5),), task_vectors=True))
    x, y = (source.checkpoint.tensors["synthesis.b8.conv1.bias"] for source in (base, a))
    torch.testing.assert_close(result.tensors["synthesis.b8.conv1.bias"], x - 0.5 * (y - x))


# ---- streaming ------------------------------------------------------------------------------------------------


def test_a_lazy_blend_is_saved_as_the_blend_in_memory(tmp_path):
    sources = [random_source(i, CONFIGS[1], dtype) for i, dtype in enumerate((torch.float16, torch.float32))]
    recipe = Recipe((Transfer(Sigmoid(8, 1), channels=Ramp(0, 1)),), mapping="transfer", noise=0.5)
    blend_lazily(sources, recipe).save(tmp_path / "lazy.safetensors")
    blend_models(sources, recipe).save(tmp_path / "memory.safetensors")
    assert (tmp_path / "lazy.safetensors").read_bytes() == (tmp_path / "memory.safetensors").read_bytes()


class BreaksHalfway:
    """Tensors that can be read once and a half."""

    def __init__(self, tensors):
        self._tensors, self._reads = tensors, 0

    def __getattr__(self, name):
        return getattr(self._tensors, name)

    def __iter__(self):
        return iter(self._tensors)

    def __contains__(self, name):
        return name in self._tensors

    def __getitem__(self, name):
        self._reads += 1
        if self._reads > 3 * len(self._tensors) // 2:  # after the fingerprint
            raise OSError(28, "No space left on device")
        return self._tensors[name]


def test_what_breaks_while_writing_leaves_no_file(tmp_path):
    base, transfer = random_source(0, CONFIGS[0]), random_source(1, CONFIGS[0])
    broken = replace(
        transfer, checkpoint=replace(transfer.checkpoint, tensors=BreaksHalfway(transfer.checkpoint.tensors))
    )
    lazily = blend_lazily([base, broken], recipe_of(Uniform(0.5)))
    with pytest.raises(InputError, match="No space left on device.*nothing was left there"):
        lazily.save(tmp_path / "blend.safetensors")
    assert list(tmp_path.iterdir()) == []


# ---- pins -------------------------------------------------------------------------------------------------------


def test_a_pinned_model_must_be_that_model():
    base, transfer = random_source(0, CONFIGS[0]), random_source(1, CONFIGS[0])
    found, other = (checkpoints.fingerprint(source.checkpoint) for source in (base, transfer))
    recipe = replace(recipe_of(Swap(8)), base=Model("a.pkl", other))
    with pytest.raises(RecipeError, match=f"model 0: found a model with fingerprint {found}, expected {other}"):
        blend_models([base, transfer], recipe)
    pinned = replace(recipe, base=Model("elsewhere.pkl", found))
    assert_same(blend_models([base, transfer], pinned), blend_models([base, transfer], recipe_of(Swap(8))))


def test_models_of_two_sizes_blend_at_the_size_that_is_asked_for(pico):
    small = pico(0, replace(pico(0).config, resolution=8, channels=(8, 6)))
    large = pico(1)
    for order in ((small, large), (large, small)):
        sources = [Source(f"{i}", checkpoint) for i, checkpoint in enumerate(order)]
        for size, resolution in (("smaller", 8), ("larger", 16)):
            result = blend_models(sources, replace(recipe_of(Uniform(0.5)), size=size))
            assert result.config.resolution == resolution
            name = "synthesis.b8.conv1.weight"
            expected = torch.lerp(order[0].tensors[name], order[1].tensors[name], 0.5)
            assert torch.equal(result.tensors[name], expected)


def test_blend_is_the_recipe_of_one_transfer():
    base, transfer = random_source(0, CONFIGS[0]), random_source(1, CONFIGS[0])
    assert_same(
        blend(base.checkpoint, transfer.checkpoint, Swap(8), noise=0.5),
        blend_models([base, transfer], recipe_of(Swap(8), noise=0.5)),
    )
