"""The laws of a blend, for every schedule, type of number and architecture; and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from blendgan.blending import blend, plan_of, preset
from blendgan.recipe import DEFAULT, Policy, recipe_of, to_json
from blendgan.recipe_schema import from_json
from blendgan.schedule import Band, Layers, Linear, Schedule, Sigmoid, Swap, Table, Uniform
from blendgan.sources import Source, open_source
from stylegan2 import checkpoints, load_generator
from stylegan2.checkpoints import Checkpoint
from stylegan2.checkpoints.lazy import LazyTensors
from stylegan2.config import ARCHITECTURES, GeneratorConfig
from stylegan2.errors import RecipeError, ShapeMismatch, UnknownWeights
from stylegan2.sites import MAPPING, NOISE_BUFFER, site_of, sites

law = settings(deadline=None, max_examples=40)  # no deadline: a busy machine breaks no law

CONFIGS = tuple(
    GeneratorConfig(16, (5, 4, 3), 6, 6, num_classes=classes, mapping_layers=2, mapping_width=6, embed_dim=2,
                    architecture=architecture, const_size=const_size)
    for architecture, classes, const_size in zip(ARCHITECTURES, (0, 3, 0), ((4, 4), (4, 4), (3, 5)), strict=True)
)  # fmt: skip

alphas = st.floats(0, 1)
sides = st.sampled_from(["low", "high"])
resolutions = st.sampled_from((1, 2, 4, 8, 16, 32))
schedules = st.one_of(
    st.builds(Swap, resolutions, sides),
    st.builds(Sigmoid, resolutions, st.floats(0, 4), sides),
    st.builds(Linear, st.sampled_from((4, 8)), st.sampled_from((16, 32)), sides),
    st.builds(Band, resolutions, st.floats(0, 4), alphas),
    st.builds(Uniform, alphas),
    st.builds(Table, st.fixed_dictionaries({4: alphas, 8: alphas, 16: alphas})),
    st.builds(Layers, st.lists(alphas, min_size=6, max_size=6)),
)
whole = st.sampled_from([(Uniform(0), 0), (Uniform(1), 1), (Swap(2), 0), (Swap(16), 1), (Swap(16, "high"), 0)])
configs = st.sampled_from(CONFIGS)
dtypes = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])
seeds = st.integers(0, 1000)


def random_model(seed: int, config: GeneratorConfig = CONFIGS[0], dtype: torch.dtype = torch.float32) -> Checkpoint:
    random = torch.Generator().manual_seed(seed)
    shapes = checkpoints.expected_shapes(config)
    tensors = {name: torch.randn(shape, generator=random).to(dtype) for name, shape in shapes.items()}
    return Checkpoint(config, tensors, {"format": "test"})


def spoilt(model: Checkpoint) -> Checkpoint:
    """The same with an infinity in every tensor."""
    tensors = {name: tensor.clone() for name, tensor in model.tensors.items()}
    for tensor in tensors.values():
        tensor.view(-1)[0] = float("inf")
    return replace(model, tensors=tensors)


def is_synthesis(name: str) -> bool:
    """Whether the schedule governs the tensor."""
    site = site_of(name)
    return site.network != MAPPING and site.role != NOISE_BUFFER


def assert_same(result: Checkpoint, model: Checkpoint, chosen: Callable[[str], bool]) -> None:
    names = [name for name in sites(result.config) if chosen(name)]
    assert names
    assert all(torch.equal(result.tensors[name], model.tensors[name]) for name in names)
    assert all(result.tensors[name].dtype == model.tensors[name].dtype for name in names)


def assert_differ(a: Checkpoint, b: Checkpoint) -> None:
    """Every tensor but single numbers, of which two in bfloat16 may well be equal."""
    assert not any(torch.equal(t, b.tensors[name]) for name, t in a.tensors.items() if t.numel() > 1)


@law
@given(whole, seeds, configs, dtypes)
def test_all_of_one_model_is_its_very_tensors(case, seed, config, dtype):
    schedule, alpha = case
    models = [random_model(seed, config, dtype), random_model(seed + 1, config, dtype)]
    assert_differ(*models)
    models[1 - alpha] = spoilt(models[1 - alpha])
    result = blend(*models, schedule)
    assert_same(result, models[alpha], is_synthesis)
    assert_same(result, models[0], lambda name: not is_synthesis(name))


@law
@given(schedules, st.one_of(alphas, st.sampled_from(["base", "transfer"])), seeds, configs, dtypes)
def test_a_model_with_itself_is_itself(schedule, policy, seed, config, dtype):
    model = spoilt(random_model(seed, config, dtype))
    twin = replace(model, tensors={name: tensor.clone() for name, tensor in model.tensors.items()})
    result = blend(model, twin, schedule, policy, policy, policy)
    assert result.tensors.keys() == model.tensors.keys()
    assert_same(result, model, lambda name: True)


@law
@given(schedules, seeds, configs, dtypes)
def test_each_tensor_takes_the_alpha_of_its_resolution(schedule, seed, config, dtype):
    base, transfer = random_model(seed, config, dtype), random_model(seed + 1, config, dtype)
    assert_differ(base, transfer)
    result = blend(base, transfer, schedule)
    for name, tensor in result.tensors.items():
        site = site_of(name)
        alpha = 0.0
        if is_synthesis(name):
            alpha = schedule.alpha(site.resolution, *([site.layer] if isinstance(schedule, Layers) else []))
        a, b = base.tensors[name], transfer.tensors[name]
        mixed = b if alpha == 1 else torch.lerp(a.float(), b.float(), alpha).to(dtype)
        assert torch.equal(tensor, mixed), name


@law
@given(schedules, seeds, configs)
def test_the_mapping_follows_its_policy_alone(schedule, seed, config):
    base, transfer = random_model(seed, config), random_model(seed + 1, config)
    mapping, w_avg = (lambda n: n.startswith("mapping.") and n != "mapping.w_avg"), (lambda n: n == "mapping.w_avg")
    assert_same(blend(base, transfer, schedule), base, lambda n: mapping(n) or w_avg(n))
    assert_same(blend(base, transfer, schedule, mapping="transfer"), transfer, mapping)
    assert_same(blend(base, transfer, schedule, mapping="transfer"), base, w_avg)
    assert_same(blend(base, transfer, schedule, w_avg="transfer"), transfer, w_avg)
    assert_same(blend(base, transfer, schedule, w_avg="transfer"), base, mapping)


@law
@given(schedules, seeds, st.sampled_from(["base", "transfer"]))
def test_noise_buffers_follow_their_policy_and_strengths_the_schedule(schedule, seed, policy):
    base, transfer = random_model(seed), random_model(seed + 1)
    result = blend(base, transfer, schedule, noise=policy)
    assert_same(result, base if policy == "base" else transfer, lambda name: name.endswith("noise_const"))
    strengths = {name: t for name, t in result.tensors.items() if name.endswith("noise_strength")}
    assert strengths
    plain = blend(base, transfer, schedule).tensors
    assert all(torch.equal(tensor, plain[name]) for name, tensor in strengths.items())


@law
@given(st.builds(Swap, resolutions), seeds)
def test_swapped_sides_of_swapped_models_are_one_blend(schedule, seed):
    a, b = random_model(seed), random_model(seed + 1)
    assert_same(blend(a, b, schedule), blend(b, a, replace(schedule, transfer_gives="high")), is_synthesis)


@pytest.mark.parametrize("policy", [0.25, 0.5])
def test_a_policy_may_be_a_share(policy):
    base, transfer = random_model(0), random_model(1)
    result = blend(base, transfer, Swap(8), mapping=policy, w_avg=policy, noise=policy)
    for name in ("mapping.fc0.weight", "mapping.w_avg", "synthesis.b16.conv1.noise_const"):
        assert torch.equal(result.tensors[name], torch.lerp(base.tensors[name], transfer.tensors[name], policy))


def test_a_blend_of_files_is_the_blend_of_what_they_hold(tmp_path):
    base, transfer = random_model(0, dtype=torch.float16), random_model(1, dtype=torch.float16)
    base.save(tmp_path / "a.safetensors")
    transfer.save(tmp_path / "b.safetensors")
    from_files = blend(tmp_path / "a.safetensors", str(tmp_path / "b.safetensors"), Sigmoid(8, 1))
    in_memory = blend(base, transfer, Sigmoid(8, 1))
    assert_same(from_files, in_memory, lambda name: True)
    assert isinstance(from_files.tensors, LazyTensors)  # files stream, memory does not
    assert isinstance(in_memory.tensors, dict)
    from_files.save(tmp_path / "c.safetensors")
    again = checkpoints.load(tmp_path / "c.safetensors")
    assert_same(again, from_files, lambda name: True)
    assert from_json(again.metadata["recipe"]).models[1].name == str(tmp_path / "b.safetensors")


def test_a_blend_renders_as_its_tensors_say():
    base, transfer = random_model(0), random_model(1)
    ws = load_generator(base).mapping(torch.ones(1, 6))
    render: Callable[[Checkpoint], Tensor] = lambda model: load_generator(model).synthesis(ws)  # noqa: E731
    assert not torch.equal(render(base), render(transfer))
    assert torch.equal(render(blend(base, transfer, Swap(2))), render(base))
    assert torch.equal(render(blend(base, transfer, Swap(16), noise="transfer")), render(transfer))


def test_discriminators_and_raw_generators_are_left_behind():
    extra = {"discriminator.b4.out.bias": torch.ones(1), "raw.mapping.w_avg": torch.ones(6)}
    base, transfer = random_model(0), random_model(1)
    result = blend(replace(base, tensors=base.tensors | extra), transfer, Swap(8))
    assert result.tensors.keys() == base.tensors.keys()
    assert result.discriminator is None


def test_nothing_given_is_modified():
    base, transfer = random_model(0), random_model(1)
    for tensor in blend(base, transfer, Swap(8)).tensors.values():
        tensor.fill_(7)
    assert_same(base, random_model(0), lambda name: True)
    assert_same(transfer, random_model(1), lambda name: True)


def test_the_result_carries_its_papers():
    base = replace(
        random_model(0), metadata={"licence": "CC BY 4.0", "attribution": "A. Author", "lineage": {"kimg": 1}}
    )
    transfer = replace(random_model(1), metadata={"licence": "CC-BY-SA-4.0"})
    metadata = blend(base, transfer, Sigmoid(8, 1, "high"), noise=0.5).metadata
    prints = [checkpoints.fingerprint(model) for model in (base, transfer)]
    recipe = from_json(metadata["recipe"])
    assert (recipe.schedule, recipe.noise) == (Sigmoid(8, 1, "high"), 0.5)
    assert [model.fingerprint for model in recipe.models] == prints
    assert prints[0] != prints[1]
    assert metadata["licence"] == "CC-BY-SA-4.0"
    first, second = metadata["lineage"]["blend"]
    spaces = [checkpoints.fingerprint_mapping(model) for model in (base, transfer)]
    assert first == {"name": "in memory", "fingerprint": prints[0], "mapping_fingerprint": spaces[0], **base.metadata}
    assert second == {
        "name": "in memory", "fingerprint": prints[1], "mapping_fingerprint": spaces[1], "licence": "CC-BY-SA-4.0"
    }  # fmt: skip


def source(model: Checkpoint) -> Source:
    return Source("model", model)


def test_the_plan_has_a_row_for_each_tensor_and_the_alpha_that_is_applied():
    rows = plan_of([source(random_model(0)), source(random_model(1))], recipe_of(Swap(4), w_avg=0.5))
    table = {row.name: (row.resolution, row.role, *row.alphas) for row in rows}
    assert table.keys() == random_model(0).tensors.keys()
    assert table["mapping.fc0.weight"] == (None, "weight", 0)
    assert table["mapping.w_avg"] == (None, "w-avg", 0.5)
    assert table["synthesis.b4.torgb.weight"] == (4, "to-rgb", 1)
    assert table["synthesis.b4.conv1.noise_const"] == (4, "noise-buffer", 0)
    assert table["synthesis.b4.conv1.noise_strength"] == (4, "noise-strength", 1)
    assert table["synthesis.b8.conv0.weight"] == (8, "weight", 0)


def without(model: Checkpoint, *names: str) -> Checkpoint:
    return replace(model, tensors={name: tensor for name, tensor in model.tensors.items() if name not in names})


def test_a_mean_w_that_base_lacks_is_left_out():
    base, transfer = without(random_model(0), "mapping.w_avg"), random_model(1)
    assert blend(base, transfer, Swap(8)).tensors.keys() == base.tensors.keys()
    taken = blend(base, transfer, Swap(8), w_avg="transfer").tensors["mapping.w_avg"]
    assert torch.equal(taken, transfer.tensors["mapping.w_avg"])
    with pytest.raises(RecipeError) as caught:
        blend(base, transfer, Swap(8), w_avg=0.5)
    assert str(caught.value) == (
        "mapping.w_avg: BASE has none, so nothing can be mixed; let its policy be base or transfer"
    )
    with pytest.raises(RecipeError, match=r"mapping\.w_avg: TRANSFER has none; let its policy be base"):
        blend(transfer, base, Swap(8), w_avg="transfer")


def test_what_does_not_fit_is_told_with_the_first_tensors():
    base = random_model(0, GeneratorConfig(8, (5, 4), 6, 6, mapping_layers=2, mapping_width=6))
    wide = random_model(1, replace(base.config, channels=(7, 4), activation="relu"))
    broken = without(wide, "synthesis.b8.conv1.bias")
    with pytest.raises(ShapeMismatch) as caught:
        blend(base, broken, Swap(4))
    message = str(caught.value)
    assert message.startswith(
        "in memory (BASE) and in memory (TRANSFER) do not fit: "
        "synthesis.b4.const: BASE has shape (5, 4, 4), TRANSFER (7, 4, 4); "
    )
    for part in (
        "activation: BASE has lrelu, TRANSFER relu",
        "synthesis.b4.const: BASE has shape (5, 4, 4), TRANSFER (7, 4, 4)",
        "synthesis.b4.conv1.weight: BASE has shape (5, 5, 3, 3), TRANSFER (7, 7, 3, 3)",
        "channels: BASE has (5, 4), TRANSFER (7, 4)",
        " more tensors. Blending needs",
    ):
        assert part in message
    assert message.count("TRANSFER (7") == 4  # three tensors, and the widths
    assert message.endswith("train TRANSFER from this BASE, or choose the BASE that it was trained from.")


def test_how_a_model_was_run_does_not_keep_it_from_blending():
    base = random_model(0)
    transfer = replace(random_model(1), config=replace(base.config, conv_clamp=256.0, w_avg_decay=0.9))
    assert blend(base, transfer, Swap(8)).config == base.config


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Table({4: 1, 8: 0}), "table: no alpha for 16 px, only for 4, 8; add 16=…"),
        (Layers((1.0,) * 18), "layers: found 18 alphas, expected 6, one for each style layer of a 16 px model"),
    ],
)
def test_a_schedule_must_reach_every_layer(schedule: Schedule, message: str):
    with pytest.raises(RecipeError) as caught:
        blend(random_model(0), random_model(1), schedule)
    assert str(caught.value) == message


@pytest.mark.parametrize("policy", ["both", -0.5, 1.5, None])
def test_a_wrong_policy_is_refused(policy: Policy):
    with pytest.raises(RecipeError, match="noise: found .*, expected base, transfer, or a share"):
        blend(random_model(0), random_model(1), Swap(8), noise=policy)


def test_a_name_that_nobody_knows_is_refused():
    with pytest.raises(UnknownWeights, match="no-such-model"):
        open_source("no-such-model")


def test_a_model_may_recommend_a_recipe():
    recommended = recipe_of(Swap(8, "high"), noise=0.5)
    plain = random_model(0)
    assert preset(plain) == DEFAULT
    assert preset(replace(plain, metadata={"recipe": to_json(recommended)})) == recommended
    assert preset(blend(plain, random_model(1), Swap(4))) == recipe_of(Uniform(1.0))  # a blend is taken whole
