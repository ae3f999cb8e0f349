"""Training: definitions of losses and augmentation, what is frozen, and runs that stop and go on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from blendgan.training import begin, begin_transfer, resume, run_training, write_snapshot
from stylegan2 import checkpoints
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.errors import CheckpointError, InputError
from stylegan2.loading import load_generator
from stylegan2.train import (
    TrainingConfig,
    augment,
    augment_colour,
    augment_geometry,
    ema,
    losses,
    open_dataset,
    train,
)
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch
from stylegan2.train.dice import Dice
from stylegan2.train.grid_sample import grid_sample
from stylegan2.train.snapshots import state_to_checkpoint
from stylegan2.train.state import TrainingState, new_state
from stylegan2.train.step import train_batch

CPU = torch.device("cpu")
PICO = TrainingConfig(kimg=0.048, batch=4, r1_interval=2, augment_p=0.5, snapshot_kimg=0.016)  # 12 batches


def source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, size: int = 16) -> Tensor:
    """Smooth random pictures, as photographs are."""
    coarse = torch.rand([count, 3, 4, 4], generator=source(0)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(-1, 1)


def real(count: int) -> Batch:
    return Batch(pictures(count, size=8), None)


def pico_state(config: TrainingConfig = PICO) -> TrainingState:
    g, d = fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    return new_state(g, d, config, CPU)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("pictures")
    for i, pixels in enumerate(pictures(10).add(1).mul(127).byte().permute(0, 2, 3, 1).numpy()):
        Image.fromarray(pixels).save(path / f"{i}.png")
    return path


# ---- numbers of a run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kimg", math.nan), ("kimg", 0), ("kimg", math.inf), ("snapshot_kimg", 0), ("batch", 0), ("batch", 1.5),
        ("seed", -1), ("freezed", -1), ("augment_p", 2), ("style_mixing", -0.1), ("gamma", -1), ("ema_kimg", math.nan),
        ("ada_target", math.nan), ("learning_rate", 0),
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name}: found {value}, expected a"):
        replace(PICO, **{name: value})


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(InputError, match="precision: found 'fp8', expected one of fp32, bf16, fp16"):
        replace(PICO, precision="fp8")


def test_mixed_precision_computes_in_bf16_and_keeps_the_rest_in_fp32() -> None:
    state, mixed = pico_state(), pico_state(replace(PICO, precision="bf16"))
    kinds = []
    mixed.generator.synthesis.b8.conv0.register_forward_hook(lambda *call: kinds.append(call[-1].dtype))
    mixed.discriminator.b8.conv0.register_forward_hook(lambda *call: kinds.append(call[-1].dtype))
    for one in (state, mixed):
        train_batch(one, real(4), PICO)
    assert set(kinds) == {torch.bfloat16}
    for network in (mixed.generator, mixed.average, mixed.discriminator):
        assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}
    moments = [m["exp_avg_sq"].flatten() for m in state.optimizer_d.state.values()]
    rounded = [m["exp_avg_sq"].flatten() for m in mixed.optimizer_d.state.values()]
    assert not torch.equal(torch.cat(moments), torch.cat(rounded))  # bf16 has 8 bits; R1's second derivative is in it
    assert torch.cosine_similarity(torch.cat(moments), torch.cat(rounded), dim=0) > 0.99


@pytest.mark.parametrize("batch", [1, 3, 6, 7])
def test_any_batch_trains(batch: int) -> None:
    config = replace(PICO, batch=batch)
    assert math.isfinite(train_batch(pico_state(config), real(batch), config)["loss_d"])


def test_more_frozen_layers_than_there_are_is_refused() -> None:
    layers = 7  # from-RGB, two convolutions and the skip of 8 px; one convolution and two full layers of 4 px
    with pytest.raises(InputError, match=f"at most {layers - 1}: this discriminator has {layers} layers"):
        pico_state(replace(PICO, freezed=layers))
    config = replace(PICO, freezed=layers - 1)
    train_batch(pico_state(config), real(4), config)


# ---- losses, average ------------------------------------------------------------------------------------------


def test_losses_are_their_formulas() -> None:
    real, fake = torch.tensor([[0.3], [-2.0]]), torch.tensor([[1.0], [0.5]])
    expected_g = -torch.sigmoid(fake).log().mean()
    expected_d = -torch.sigmoid(real).log().mean() - (1 - torch.sigmoid(fake)).log().mean()
    torch.testing.assert_close(losses.generator_loss(fake), expected_g)
    torch.testing.assert_close(losses.discriminator_loss(real, fake), expected_d)


def test_r1_of_a_linear_discriminator_is_half_its_squared_weight() -> None:
    weight = torch.randn(3 * 4 * 4, generator=source(0))
    real = torch.randn(5, 3, 4, 4, generator=source(1)).requires_grad_()
    torch.testing.assert_close(losses.r1_penalty(real.flatten(1) @ weight[:, None], real), weight.square().sum() / 2)


def test_style_mixing_switches_once_from_one_latent_to_the_other() -> None:
    a, b = torch.zeros(200, 6, 1), torch.ones(200, 6, 1)
    mixed = losses.mix_styles(a, b, losses.draw_crossovers(200, 6, 0.9, source(0)))[..., 0]
    assert bool((mixed.diff(dim=1) >= 0).all())
    assert bool((mixed[:, 0] == 0).all())
    assert 0.8 < (mixed[:, -1] == 1).float().mean() < 0.97


def test_moving_average_halves_the_distance_in_its_half_life() -> None:
    average, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    start = (average.weight - model.weight).abs().sum()
    for _ in range(10):
        ema.update(average, model, ema.decay_for(0.04, 100, batch=4, rampup=0.05))  # 10 batches are the half-life
    torch.testing.assert_close((average.weight - model.weight).abs().sum(), start / 2)
    assert ema.decay_for(3.0, 1.0, 16, rampup=0.05) == 0.5 ** (16 / 50)  # early: a twentieth of what was shown


# ---- augmentation ---------------------------------------------------------------------------------------------


def matrices(matrix: list[list[float]], count: int) -> Tensor:
    return torch.tensor(matrix).repeat(count, 1, 1)


def test_p_zero_changes_nothing() -> None:
    x = pictures(4)
    assert augment.augment(x, 0.0, source(0)) is x


def test_undrawn_pictures_come_out_as_they_are() -> None:
    x = pictures(64)
    y = augment.augment(x, 0.02, source(0))
    same = (x - y).abs().amax(dim=[1, 2, 3]) < 1e-5
    assert 0.5 < same.float().mean() < 1


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], lambda x: x),
        ([[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]], lambda x: x.flip(3)),
        ([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], lambda x: x.rot90(1, [2, 3])),
        ([[1.0, 0, 3], [0, 1, 0], [0, 0, 1]], lambda x: x.roll(-3, 3)),
        ([[1.0, 0, 0], [0, 1, -2], [0, 0, 1]], lambda x: x.roll(2, 2)),
    ],
    ids=["identity", "mirror", "quarter turn", "right", "up"],
)
def test_geometry_does_what_its_matrix_says(matrix: list[list[float]], expected) -> None:  # type: ignore[no-untyped-def]
    x = pictures(2, size=32)
    y = augment_geometry.apply_geometry(x, matrices(matrix, 2))
    inner = slice(8, 24)  # the rim mirrors
    torch.testing.assert_close(y[:, :, inner, inner], expected(x)[:, :, inner, inner], atol=0.03, rtol=0)
    assert (x - x.flip(3)).abs().max() > 0.3


def test_geometry_matrices_compose_zoom_turn_and_move() -> None:
    dice = Dice(4000, 1.0, source(0))
    moves = augment_geometry.geometry_matrices(dice, (100, 100))
    area = torch.linalg.det(moves[:, :2, :2])
    assert abs(float(area.log().std()) - 2 * 0.2 * math.log(2)) < 0.02  # the stretch keeps areas, zoom squares them
    shift = torch.linalg.solve(moves[:, :2, :2], moves[:, :2, 2:])[:, 0, 0]
    assert abs(float(shift.std()) - 12.5) < 0.5


def test_blits_are_symmetries_of_the_pixel_grid() -> None:
    moves = augment_geometry.blit_matrices(Dice(200, 1.0, source(0)), (16, 16))
    torch.testing.assert_close(moves, moves.round(), atol=1e-5, rtol=0)
    assert len({tuple(m.flatten().round().tolist()) for m in moves[:, :2, :2]}) == 8


def test_each_transformation_is_drawn_with_probability_p() -> None:
    dice = Dice(20000, 0.3, source(0))
    colours = augment_colour.colour_matrices(dice)
    brighter = (colours[:, :3, 3].abs().amax(dim=1) > 1e-6).float().mean()
    assert abs(float(brighter) - 0.3) < 0.02


def test_hue_keeps_luma_and_length_and_saturation_keeps_grey() -> None:
    x = torch.randn(1, 3, 1, 50, generator=source(0))
    _, flat, cross = augment_colour._constants(x.device)
    turned = augment_colour.apply_colour(x, augment_colour._hue_rotation(torch.tensor([2 * math.pi / 3]), flat, cross))
    torch.testing.assert_close(turned, x.roll(1, 1))  # a third of a turn exchanges the channels
    grey = torch.full([1, 3, 1, 1], 0.4)
    colours = augment_colour.colour_matrices(Dice(1, 0.0, source(0)))
    torch.testing.assert_close(augment_colour.apply_colour(grey, colours), grey)


def test_sampling_is_differentiable_twice() -> None:
    x = torch.randn(2, 2, 4, 5, dtype=torch.float64, generator=source(0)).requires_grad_()
    grid = torch.rand(2, 3, 3, 2, dtype=torch.float64, generator=source(1)) * 2.6 - 1.3
    assert torch.autograd.gradcheck(lambda x: grid_sample(x, grid), x)
    assert torch.autograd.gradgradcheck(lambda x: grid_sample(x, grid), x)


def test_r1_goes_through_augmentation() -> None:
    state = pico_state()
    real = pictures(4, size=8).requires_grad_()
    logits = state.discriminator(augment.augment(real, 1.0, source(0)))
    losses.r1_penalty(logits, real).backward()
    gradient = state.discriminator.b8.conv0.weight.grad
    assert gradient is not None
    assert gradient.abs().max() > 0


def test_p_rises_while_r_t_is_above_the_target_and_falls_below_it() -> None:
    config = replace(PICO, ada_interval=1, ada_kimg=0.4)
    for target, expected in ((-2.0, 0.51), (2.0, 0.49)):  # r_t lies in [-1, 1]
        state = pico_state(config)
        train_batch(state, real(4), replace(config, ada_target=target))
        assert state.augment_p == pytest.approx(expected)
    fixed = pico_state(config)
    train_batch(fixed, real(4), replace(config, ada_target=None))
    assert fixed.augment_p == 0.5


# ---- runs -----------------------------------------------------------------------------------------------------


def tensors_of(file: Path) -> dict[str, Tensor]:
    checkpoint = checkpoints.load(file)
    return {name: checkpoint.tensors[name] for name in checkpoint.tensors}


def start(config: TrainingConfig = PICO):  # type: ignore[no-untyped-def]
    return begin(*fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2), config, CPU)


def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(folder: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    list(run_training(start(), folder, whole))
    for index, _ in enumerate(run_training(start(), folder, parts)):
        if index == 5:  # past the snapshot at batch 4, before that at batch 8
            break
    list(run_training(resume(parts, None, None, CPU), folder, parts))
    name = "network-snapshot-000000.safetensors"
    a, b = tensors_of(whole / name), tensors_of(parts / name)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["synthesis.b4.const"], a["raw.synthesis.b4.const"])
    logs = [[json.loads(line)["losses"] for line in (d / "log.jsonl").read_text().splitlines()] for d in (whole, parts)]
    assert logs[0] == logs[1]


def test_a_run_moves_all_three_networks(folder: Path, tmp_path: Path) -> None:
    run = start()
    before = {k: v.clone() for k, v in run.state.generator.state_dict().items()}
    d_before = {k: v.clone() for k, v in run.state.discriminator.state_dict().items()}
    list(run_training(run, folder, tmp_path))
    still = [
        k for k, v in run.state.generator.state_dict().items() if torch.equal(v, before[k]) and "noise_const" not in k
    ]
    assert still == []
    assert [k for k, v in run.state.discriminator.state_dict().items() if torch.equal(v, d_before[k])] == []
    assert (tmp_path / "fakes000000.png").exists()


def test_a_transfer_starts_from_the_models_weights_at_kimg_zero(folder: Path, tmp_path: Path) -> None:
    list(run_training(start(), folder, tmp_path / "base"))
    snapshot = tmp_path / "base" / "network-snapshot-000000.safetensors"
    run = begin_transfer(snapshot, replace(PICO, augment_p=0.0, kimg=0.004), CPU)
    base = checkpoints.load(snapshot)
    assert run.state.batches == 0
    assert run.state.augment_p == 0.0
    assert torch.equal(run.state.average.synthesis.b4.const, base.tensors["synthesis.b4.const"])
    assert torch.equal(run.state.generator.synthesis.b4.const, base.tensors["raw.synthesis.b4.const"])
    list(run_training(run, folder, tmp_path / "transfer"))
    lineage = checkpoints.load(tmp_path / "transfer" / "network-snapshot-000000.safetensors").metadata["lineage"]
    assert lineage["transfer"]["mapping_fingerprint"] == checkpoints.fingerprint_mapping(base)


def test_a_model_without_discriminator_cannot_be_transferred(pico) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CheckpointError, match="no discriminator"):
        begin_transfer(pico(0), PICO, CPU)


def snapshot_in_memory(seed: int = 0, **metadata: object) -> Checkpoint:
    state = pico_state(replace(PICO, seed=seed))
    return state_to_checkpoint(state, dict(metadata))


def without(checkpoint: Checkpoint, lacks: Callable[[str], bool]) -> Checkpoint:
    return replace(checkpoint, tensors={k: t for k, t in checkpoint.tensors.items() if not lacks(k)})


def test_a_transfer_makes_up_the_buffers_that_a_file_lacks() -> None:
    whole = snapshot_in_memory()
    lean = without(whole, lambda k: k.endswith((".w_avg", ".noise_const")))
    state = begin_transfer(lean, PICO, CPU).state
    expected = load_generator(lean).state_dict()
    assert all(torch.equal(t, expected[k]) for k, t in state.average.state_dict().items())
    assert state.generator.mapping.w_avg.abs().max() > 0
    noise = {k: t for k, t in state.generator.state_dict().items() if k.endswith(".noise_const")}
    assert noise
    assert all(torch.equal(t, expected[k]) for k, t in noise.items())
    part = without(whole, lambda k: k.startswith("raw.") and k.endswith(".noise_const"))
    kept = begin_transfer(part, PICO, CPU).state.generator.synthesis.b8.conv1.noise_const
    assert torch.equal(kept, whole.tensors["synthesis.b8.conv1.noise_const"])


def test_a_transfer_keeps_the_noise_of_the_models_pictures() -> None:
    whole = snapshot_in_memory()
    own = {
        k: torch.randn_like(t) if k.startswith("raw.") and "noise_const" in k else t for k, t in whole.tensors.items()
    }
    state = begin_transfer(replace(whole, tensors=own), PICO, CPU).state  # as rosinality's files: each network its own
    ema.update(state.average, state.generator, 0.5)
    noise = {k: t for k, t in state.average.state_dict().items() if k.endswith(".noise_const")}
    assert noise
    assert all(torch.equal(t, whole.tensors[k]) for k, t in noise.items())


def test_a_foreign_training_snapshot_can_be_transferred(shared: Path) -> None:
    state = begin_transfer(shared / "golden" / "rosinality_64.train.pt", PICO, CPU).state
    assert state.average.mapping.w_avg.abs().max() > 0


@pytest.mark.parametrize("change", [{"const_size": (4, 2)}, {"const_size": (8, 8)}, {"image_channels": 1}])
def test_models_of_other_kinds_are_not_trained(pico, change) -> None:  # type: ignore[no-untyped-def]
    model = pico(0)
    with pytest.raises(InputError, match="takes square RGB models"):
        begin_transfer(pico(0, replace(model.config, **change)), PICO, CPU)


def test_a_transfer_passes_on_its_parents_papers(tmp_path: Path) -> None:
    papers = {"licence": "CC BY 4.0", "attribution": "A. Painter", "source": "a museum", "lineage": {"of": "another"}}
    run = begin_transfer(snapshot_in_memory(**papers), PICO, CPU)
    write_snapshot(run, "faces", tmp_path)
    write_snapshot(resume(tmp_path, None, None, CPU), "faces", tmp_path)
    metadata = checkpoints.load(tmp_path / "network-snapshot-000000.safetensors").metadata
    assert metadata["lineage"]["transfer"].items() >= papers.items()
    assert metadata["licence"] == "CC BY 4.0"
    assert metadata["format"] == "safetensors"
    assert "converted_from" not in metadata


def test_freezed_keeps_the_first_layers_of_the_discriminator() -> None:
    config = replace(PICO, freezed=2)
    state = pico_state(config)
    before = {k: v.clone() for k, v in state.discriminator.state_dict().items()}
    for _ in range(3):
        train_batch(state, real(4), config)
    after = state.discriminator.state_dict()
    assert torch.equal(after["b8.fromrgb.weight"], before["b8.fromrgb.weight"])
    assert torch.equal(after["b8.conv0.weight"], before["b8.conv0.weight"])
    assert not torch.equal(after["b8.conv1.weight"], before["b8.conv1.weight"])


def test_a_folder_with_a_run_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    list(run_training(start(), folder, tmp_path))
    with pytest.raises(InputError, match="already holds a run"):
        next(run_training(start(), folder, tmp_path))
    with pytest.raises(InputError, match="found no training-state.pt"):
        resume(tmp_path / "nowhere", None, None, CPU)


def test_a_resumed_run_does_not_overwrite_another(tmp_path: Path, folder: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        write_snapshot(start(), "faces", tmp_path / name)
    with pytest.raises(InputError, match="b: already holds a run"):
        next(run_training(resume(tmp_path / "a", None, None, CPU), folder, tmp_path / "b"))
    next(run_training(resume(tmp_path / "a", None, None, CPU), folder, tmp_path / "b" / ".." / "a"))
    next(run_training(resume(tmp_path / "a", None, None, CPU), folder, tmp_path / "c"))


def test_only_whole_lines_up_to_the_snapshot_stay_in_the_log(tmp_path: Path, folder: Path) -> None:
    write_snapshot(replace(start(), state=replace(pico_state(), batches=4)), "faces", tmp_path)
    (tmp_path / "log.jsonl").write_text('{"kimg": 0.016}\n{"kimg": 0.02}\n7\n{"kimg": 0.0')
    next(run_training(resume(tmp_path, None, None, CPU), folder, tmp_path))
    assert (tmp_path / "log.jsonl").read_text() == '{"kimg": 0.016}\n'
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "foreign", "another network", "tensor"])
def test_a_damaged_state_is_named(tmp_path: Path, damage: str) -> None:
    write_snapshot(start(), "faces", tmp_path)
    file = tmp_path / "training-state.pt"
    whole = file.read_bytes()
    contents = torch.load(file, weights_only=True)
    if damage in ("empty", "garbage", "cut"):
        file.write_bytes({"empty": b"", "garbage": b"no state at all", "cut": whole[: len(whole) // 2]}[damage])
    else:
        wrong = contents | {"generator": contents["discriminator"]}
        torch.save({"foreign": {"a": 1}, "another network": wrong, "tensor": torch.ones(2)}[damage], file)
    with pytest.raises(InputError, match=r"training-state.pt: cannot be read \(\w+\)"):
        resume(tmp_path, None, None, CPU)


def test_the_state_is_read_once(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    write_snapshot(start(), "faces", tmp_path)
    read = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: read.append(a) or load(*a, **k))  # type: ignore[func-returns-value]
    assert resume(tmp_path, 0.06, 0.02, CPU).config == replace(PICO, kimg=0.06, snapshot_kimg=0.02)
    assert len(read) == 1
    with pytest.raises(InputError, match="kimg: found 0, expected a number above 0"):
        resume(tmp_path, 0, None, CPU)


def test_training_never_touches_the_global_generator(folder: Path) -> None:
    before = torch.random.get_rng_state()
    events = list(train(pico_state(), open_dataset(folder, 8), PICO))
    assert len(events) == 12
    assert [e.snapshot_due for e in events] == [False, False, False, True] * 3
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.isfinite(events[-1].losses["loss_d"])


def test_a_run_at_its_end_says_so_and_leaves_no_folder(folder: Path, tmp_path: Path) -> None:
    run = begin(*fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2), PICO, CPU)
    list(run_training(run, folder, tmp_path / "run"))
    with pytest.raises(InputError, match="kimg: found 0.048, expected more than 0.048, where the run is; choose more"):
        list(run_training(resume(tmp_path / "run", None, None, CPU), folder, tmp_path / "other"))
    assert not (tmp_path / "other").exists()
