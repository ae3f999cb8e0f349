"""One step: what learns and how fast, path lengths, labels, an added term, fp16; and known setups."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from blendgan.training import begin, begin_transfer, resume, write_snapshot
from stylegan2 import checkpoints
from stylegan2.errors import InputError
from stylegan2.generator import Generator, SynthesisNetwork
from stylegan2.train import TrainingConfig, losses, train
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch
from stylegan2.train.precision import PATIENCE, LossScale
from stylegan2.train.presets import NAMES, preset
from stylegan2.train.snapshots import state_to_checkpoint
from stylegan2.train.state import TrainingState, new_state
from stylegan2.train.step import require_fit, train_batch

CPU = torch.device("cpu")
PICO = TrainingConfig(kimg=0.016, batch=4, r1_interval=2, augment_p=0.5, snapshot_kimg=0.008)
SIZES = {"channel_base": 64, "channel_max": 8, "latent": 8, "mapping_layers": 2}


class Blocks:
    """A labelled data set: every class is a colour."""

    size_px, num_classes = 8, 3

    def __len__(self) -> int:
        return 9

    def batch(self, number: int, count: int, seed: int, *, mirror: bool, places: Sequence[int] | None = None) -> Batch:
        kinds = torch.arange(number * count, (number + 1) * count)[list(places or range(count))] % 3
        pictures = torch.eye(3)[kinds][:, :, None, None].expand(-1, -1, 8, 8) * 2 - 1
        return Batch(pictures.contiguous(), torch.eye(3)[kinds])

    def labels(self, number: int, count: int, seed: int, stream: int) -> Tensor:
        return torch.eye(3)[torch.arange(count) % 3]


def state_of(config: TrainingConfig = PICO, num_classes: int = 0, resolution: int = 8) -> TrainingState:
    return new_state(*fresh_configs(resolution, num_classes=num_classes, **SIZES), config, CPU)


def real(config: TrainingConfig = PICO, size: int = 8) -> Batch:
    draw = torch.Generator().manual_seed(0)
    return Batch(torch.rand([config.batch, 3, size, size], generator=draw) * 2 - 1, None)


def moved(config: TrainingConfig, resolution: int = 8) -> tuple[set[str], set[str]]:
    """Train a little; the parameters of G that moved, and those that did not."""
    state = state_of(config, resolution=resolution)
    before = {name: tensor.clone() for name, tensor in state.generator.state_dict().items()}
    for _ in range(2):
        train_batch(state, real(config, resolution), config)
    after = {name: tensor for name, tensor in state.generator.state_dict().items() if "noise_const" not in name}
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    return changed, after.keys() - changed


# ---- what learns, and how fast ----------------------------------------------------------------------------------


def test_a_frozen_mapping_network_stays_with_its_mean_w() -> None:
    changed, still = moved(replace(PICO, freeze_mapping=True))
    assert all(name.startswith("synthesis.") for name in changed)
    assert {name.split(".")[0] for name in still} == {"mapping"}
    assert "mapping.w_avg" in still
    assert "mapping.w_avg" in moved(PICO)[0]


def test_a_transfer_with_a_frozen_mapping_keeps_its_parents_latents() -> None:
    parent = state_to_checkpoint(state_of(), {})
    run = begin_transfer(parent, replace(PICO, freeze_mapping=True), CPU)
    train_batch(run.state, real(), run.config)
    child = state_to_checkpoint(run.state, {})
    assert checkpoints.fingerprint_mapping(child) == checkpoints.fingerprint_mapping(parent)
    assert checkpoints.fingerprint(child) != checkpoints.fingerprint(parent)


def test_learning_rates_are_scaled_by_resolution() -> None:
    changed, still = moved(replace(PICO, lr_scale=((4, 0.0),)), resolution=16)
    assert still == {name for name in changed | still if name.startswith("synthesis.b4.")}
    config = replace(PICO, lr_scale=((4, 0.0), (8, 0.1)))
    state = state_of(config, resolution=16)
    rates = {id(p): group["lr"] for group in state.optimizer_g.param_groups for p in group["params"]}
    named = {name: rates.get(id(p)) for name, p in state.generator.named_parameters()}
    assert {rate for name, rate in named.items() if ".b4." in name} == {None}
    assert {rate for name, rate in named.items() if ".b8." in name} == {0.002 * 0.1}
    assert {rate for name, rate in named.items() if ".b16." in name or "mapping" in name} == {0.002}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lr_scale": ((32, 0.5),)}, "lr_scale: found 32 px, expected one of 4, 8; choose another"),
        ({"lr_scale": ((4, 0.0), (8, 0.0)), "freeze_mapping": True}, "lr_scale: found 0 for every layer"),
    ],
)
def test_what_cannot_learn_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        state_of(replace(PICO, **change))  # type: ignore[arg-type]


def test_a_negative_factor_is_named() -> None:
    with pytest.raises(InputError, match="lr_scale of 8 px: found -1, expected a number of at least 0"):
        replace(PICO, lr_scale=((8, -1),))


def test_lazy_regularisation_is_made_up_for_in_both_networks() -> None:
    config = replace(PICO, r1_interval=16, pl_weight=2.0)
    state = state_of(config)
    for optimiser, share in ((state.optimizer_g, 4 / 5), (state.optimizer_d, 16 / 17)):
        (group,) = optimiser.param_groups
        assert group["lr"] == pytest.approx(0.002 * share)
        assert group["betas"] == pytest.approx((0, 0.99**share))
    (plain,) = state_of(PICO).optimizer_g.param_groups
    assert (plain["lr"], plain["betas"]) == (0.002, (0.0, 0.99))


# ---- path lengths -----------------------------------------------------------------------------------------------


def test_the_path_length_of_a_linear_generator_is_that_of_its_matrix() -> None:
    draw = torch.Generator().manual_seed(0)
    matrix = torch.randn(3 * 4 * 4, 2 * 5, generator=draw)
    ws, y = torch.randn(6, 2, 5, generator=draw).requires_grad_(), torch.randn(6, 3, 4, 4, generator=draw)
    lengths = losses.path_lengths((ws.flatten(1) @ matrix.t()).view(6, 3, 4, 4), ws, y)
    pulled = (y.flatten(1) @ matrix).view(6, 2, 5) / 4  # Jᵀy, y of unit variance over the 4 × 4 pixels
    torch.testing.assert_close(lengths, pulled.square().sum(2).mean(1).sqrt())


def test_path_lengths_come_every_fourth_batch_and_approach_their_mean() -> None:
    config = replace(PICO, pl_weight=2.0)
    state = state_of(config)
    figures = [train_batch(state, real(), config) for _ in range(9)]
    assert ["path_length" in f for f in figures] == [i % 4 == 0 for i in range(9)]
    assert figures[0]["path_penalty"] >= figures[0]["path_length"] ** 2  # at first the mean is 0
    expected = 0.0
    for one in figures[::4]:
        expected += 0.01 * (one["path_length"] - expected)
    assert state.path_length == pytest.approx(expected)
    assert "path_length" not in train_batch(state_of(), real(), PICO)


def test_the_penalty_makes_paths_more_alike() -> None:
    """Alone, with its target at the mean, it takes away the spread of lengths."""
    spreads = []
    for weight in (1e-6, 50.0):
        config = replace(PICO, pl_weight=weight, pl_interval=1, learning_rate=0.01, augment_p=0.0, ada_target=None)
        state = state_of(config)
        state.path_length = 1.0
        spreads.append([train_batch(state, real(), config)["path_penalty"] for _ in range(30)][-5:])
    assert sum(spreads[1]) < 0.7 * sum(spreads[0])


# ---- an added term, labels --------------------------------------------------------------------------------------


def test_a_term_of_the_caller_joins_the_generators_loss() -> None:
    def pale(generator: Generator, ws: Tensor) -> Tensor:
        assert ws.shape == (4, generator.config.num_ws, 8) and ws.requires_grad
        return 1000 * generator.synthesis(ws).square().mean()

    plain, pulled = state_of(), state_of()
    figures = [train_batch(plain, real(), PICO) for _ in range(10)]
    assert "loss_term" not in figures[0]
    pulling = [train_batch(pulled, real(), PICO, term=pale) for _ in range(10)]
    assert pulling[0]["loss_g"] == figures[0]["loss_g"]  # the term is a figure of its own
    assert pulling[-1]["loss_term"] < 0.9 * pulling[0]["loss_term"]
    z = torch.randn(16, 8, generator=torch.Generator().manual_seed(1))
    assert pulled.generator(z).square().mean() < 0.9 * plain.generator(z).square().mean()


def test_both_networks_hear_the_labels_of_what_they_see() -> None:
    state, seen = state_of(num_classes=3), {"d": [], "g": []}
    state.discriminator.mapping.register_forward_pre_hook(lambda module, args: seen["d"].append(args[0]))
    state.generator.mapping.embed.register_forward_pre_hook(lambda module, args: seen["g"].append(args[0]))
    batch = Blocks().batch(0, 4, 0, mirror=False)
    fake_labels = torch.eye(3)[[2, 2, 0, 1]]
    train_batch(state, batch, replace(PICO, pl_weight=2.0), fake_labels)
    assert [c.tolist() for c in seen["g"]] == [fake_labels.repeat(2, 1).tolist(), fake_labels[:2].tolist()]
    assert [c.tolist() for c in seen["d"]] == [c.tolist() for c in (fake_labels, fake_labels, batch.labels)]


@pytest.mark.slow
def test_a_model_with_classes_learns_what_each_looks_like() -> None:
    config = replace(
        PICO, kimg=3.2, batch=8, r1_interval=16, learning_rate=0.005, ema_kimg=0.1, style_mixing=0.0,
        augment_p=0.0, ada_target=None,
    )  # fmt: skip
    sizes = {"channel_base": 128, "channel_max": 16, "latent": 16, "mapping_layers": 2}
    state = new_state(*fresh_configs(8, num_classes=3, **sizes), config, CPU)
    assert len(list(train(state, Blocks(), config))) == 400
    z = torch.randn(6, 16, generator=torch.Generator().manual_seed(5))
    for kind in range(3):
        means = state.average(z, torch.eye(3)[[kind] * 6]).mean(dim=[0, 2, 3])
        torch.testing.assert_close(means, torch.eye(3)[kind] * 2 - 1, atol=0.25, rtol=0)


def test_data_without_the_models_classes_is_refused() -> None:
    data = Blocks()
    with pytest.raises(InputError, match="data: found 3 classes, expected 2, as the model has"):
        require_fit(state_of(num_classes=2), PICO, data)
    require_fit(state_of(num_classes=0), PICO, data)
    assert math.isfinite(next(iter(train(state_of(), data, PICO))).losses["loss_d"])


def test_the_grid_of_a_model_with_classes_shows_them_in_turn(tmp_path: Path) -> None:
    run = begin(*fresh_configs(8, num_classes=3, **SIZES), PICO, CPU)
    write_snapshot(run, "blocks", tmp_path)
    assert (tmp_path / "fakes000000.png").exists()
    kept = checkpoints.load(tmp_path / "network-snapshot-000000.safetensors")
    assert kept.config.num_classes == 3
    assert begin_transfer(kept, PICO, CPU).state.discriminator.config.num_classes == 3


# ---- what a resumed run keeps -----------------------------------------------------------------------------------


def test_a_resumed_run_keeps_every_number(tmp_path: Path) -> None:
    config = replace(PICO, pl_weight=2.0, lr_scale=((4, 0.0), (8, 0.5)), augpipe="bgcfnc", batch_gpu=4)
    run = begin(*fresh_configs(8, **SIZES), config, CPU)
    for _ in range(5):
        train_batch(run.state, real(), config)
    write_snapshot(run, "noise", tmp_path)
    again = resume(tmp_path, None, None, CPU)
    assert again.config == config
    assert again.state.numbers() == run.state.numbers()
    assert again.state.path_length != 0
    for state in (run.state, again.state):
        for _ in range(4):
            train_batch(state, real(), config)
    a, b = (state.average.state_dict() for state in (run.state, again.state))
    assert all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_a_state_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    write_snapshot(begin(*fresh_configs(8, **SIZES), PICO, CPU), "noise", tmp_path)
    contents = torch.load(tmp_path / "training-state.pt", weights_only=True)
    for name in ("path_length", "scale_g", "scale_d"):
        del contents[name]
    for name in ("batch_gpu", "lr_scale", "freeze_mapping", "pl_weight", "pl_decay", "pl_interval", "augpipe"):
        del contents["training_config"][name]
    torch.save(contents, tmp_path / "training-state.pt")
    run = resume(tmp_path, None, None, CPU)
    assert run.config == PICO
    assert math.isfinite(train_batch(run.state, real(), run.config)["loss_d"])


def test_the_numbers_are_plain_values() -> None:
    config = replace(PICO, lr_scale=((4, 0.5),))
    assert json.loads(json.dumps(asdict(config)))["lr_scale"] == [[4, 0.5]]
    json.dumps(state_of(config).numbers())


# ---- fp16 -------------------------------------------------------------------------------------------------------


def test_fp16_computes_the_four_highest_resolutions_clamped() -> None:
    state = state_of(replace(PICO, precision="fp16"), resolution=128)
    blocks = {r: state.generator.synthesis.get_submodule(f"b{r}") for r in state.generator.config.resolutions}
    assert [r for r, block in blocks.items() if block.compute == torch.float16] == [16, 32, 64, 128]
    assert {blocks[r].conv1.clamp for r in (16, 128)} == {256.0}
    assert blocks[8].conv1.clamp is None
    assert state.discriminator.b16.compute == torch.float16 and state.discriminator.b8.compute is None
    assert state.discriminator.b16.conv0.clamp == 256.0
    assert isinstance(state.average.synthesis, SynthesisNetwork) and state.average.synthesis.b128.compute is None
    assert (state.scale_g.factor, state_of(PICO).scale_g.factor) == (2.0**12, 1.0)


def test_fp16_steps_as_fp32_does() -> None:
    """Its gradients have the same direction, R1's and path lengths' second derivatives with them."""
    config = replace(PICO, pl_weight=2.0)
    plain, half = state_of(config), state_of(replace(config, precision="fp16"))
    for state, numbers in ((plain, config), (half, replace(config, precision="fp16"))):
        figures = train_batch(state, real(), numbers)
        assert math.isfinite(figures["r1"]) and math.isfinite(figures["path_penalty"])
    for name in ("optimizer_g", "optimizer_d"):
        one, other = (
            torch.cat([m["exp_avg_sq"].flatten() for m in getattr(state, name).state.values()])
            for state in (plain, half)
        )
        assert not torch.equal(one, other)
        assert torch.cosine_similarity(one, other, dim=0) > 0.99
        assert float(other.sum() / one.sum()) == pytest.approx(1, abs=0.05)  # the scale is out again
    assert half.scale_g.good == half.scale_d.good == 1


def test_an_overflow_moves_no_weight_and_halves_the_scale() -> None:
    config = replace(PICO, precision="fp16")
    state = state_of(config)
    state.scale_g.factor = 2.0**120
    before = {name: tensor.clone() for name, tensor in state.generator.named_parameters()}
    train_batch(state, real(), config)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.generator.named_parameters())
    assert state.scale_g == LossScale(2.0**119, 0)
    state.scale_g.factor = 2.0**12
    train_batch(state, real(), config)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in state.generator.named_parameters())


def test_the_scale_grows_after_many_good_batches() -> None:
    scale = LossScale(8.0, PATIENCE - 1)
    assert scale.adapt([torch.ones(2)])
    assert scale == LossScale(16.0, 0)
    assert not scale.adapt([torch.ones(2), torch.tensor([math.nan])])
    assert scale == LossScale(8.0, 0)


# ---- known setups -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_presets_make_networks_and_runs(name: str) -> None:
    numbers = preset(name, resolution=256)
    sizes = {key: numbers[key] for key in (*SIZES, "minibatch_group")}
    fields = {key: value for key, value in numbers.items() if key not in sizes}
    g, d = fresh_configs(256, **sizes)
    assert (g.w_dim, d.minibatch_group) == (512, numbers["minibatch_group"])
    assert TrainingConfig(**fields).pl_weight == 2


@pytest.mark.parametrize(
    ("resolution", "processes", "batch", "gamma", "rate", "width", "ema"),
    [
        (1024, 8, 32, 0.0002 * 1024**2 / 32, 0.002, 32768, 10.0),
        (256, 8, 64, 0.0002 * 256**2 / 64, 0.0025, 16384, 20.0),
        (512, 1, 8, 0.0002 * 512**2 / 8, 0.0025, 32768, 2.5),
        (64, 1, 32, 0.0002 * 64**2 / 32, 0.0025, 16384, 10.0),
        (1024, 1, 4, 0.0002 * 1024**2 / 4, 0.002, 32768, 1.25),
    ],
)
def test_auto_follows_the_size(
    resolution: int, processes: int, batch: int, gamma: float, rate: float, width: int, ema: float
) -> None:
    numbers = preset("auto", resolution=resolution, processes=processes)
    names = ("batch", "gamma", "learning_rate", "channel_base", "ema_kimg")
    assert [numbers[name] for name in names] == pytest.approx([batch, gamma, rate, width, ema])
    assert preset("auto", resolution=64, batch=8)["gamma"] == pytest.approx(0.0002 * 64**2 / 8)


def test_the_papers_transfers_are_theirs() -> None:
    toon, ukiyoe = preset("toon-32kimg", resolution=1024), preset("ukiyoe-312kimg", resolution=1024)
    assert (toon["kimg"], ukiyoe["kimg"]) == (32, 312)
    assert (toon["channel_base"], ukiyoe["channel_base"]) == (32768, 16384)  # config F, config E
    for one in (toon, ukiyoe):
        assert (one["learning_rate"], one["mirror"], one["ada_target"], one["gamma"]) == (0.002, True, None, 10)
