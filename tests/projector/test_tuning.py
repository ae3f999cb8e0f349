"""Pivotal tuning: the photo comes nearer, other faces stay, and the change is a task vector."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from projector.change_files import load_change, rounded, save_change
from projector.spaces import Statistics
from projector.tuning import TuningConfig, added, neighbour, tune
from stylegan2.errors import InputError, ShapeMismatch, WrongGenerator
from stylegan2.generator import Generator
from stylegan2.loading import load_generator, sample_w

QUICK = TuningConfig(steps=15, learning_rate=3e-3)


@pytest.fixture(scope="module")
def task(generator: Generator) -> tuple[Tensor, Tensor]:
    """Two pictures, and w that do not give them."""
    w = sample_w(generator, 4, seed=9)[:, None].repeat(1, generator.config.num_ws, 1)
    return generator.synthesis(w[:2]), w[2:]


def tuned(task: tuple[Tensor, Tensor], generator: Generator, config: TuningConfig = QUICK) -> dict[str, Tensor]:
    return list(tune(*task, {}, generator, None, config))[-1].change


def test_the_pictures_come_nearer_and_the_generator_stays(task, generator) -> None:  # type: ignore[no-untyped-def]
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    steps = list(tune(*task, {}, generator, None, QUICK))
    assert [step.index for step in steps] == list(range(16))
    assert steps[-1].distances.mean() < 0.7 * steps[0].distances.mean()  # one change for both
    assert [bool(step.change) for step in steps] == [False] * 15 + [True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.state_dict().items())
    assert not any(parameter.requires_grad for parameter in generator.parameters())


def test_base_and_the_change_give_the_tuned_picture(task, generator) -> None:  # type: ignore[no-untyped-def]
    pictures, w = task
    last = list(tune(pictures, w, {}, generator, None, QUICK))[-1]
    again = next(tune(pictures, w, {}, added(generator, last.change), None, QUICK))
    torch.testing.assert_close(again.distances, last.distances, atol=1e-5, rtol=1e-5)
    assert torch.equal(added(generator, {}).synthesis(w), generator.synthesis(w))
    gone = added(added(generator, last.change), {name: -delta for name, delta in last.change.items()})
    torch.testing.assert_close(gone.synthesis(w), generator.synthesis(w), atol=1e-4, rtol=1e-4)


def test_locality_keeps_other_faces(task, generator) -> None:  # type: ignore[no-untyped-def]
    others = sample_w(generator, 8, seed=3)[:, None].repeat(1, generator.config.num_ws, 1)
    moved = {}
    for weight in (0.0, 3.0):
        change = tuned(task, generator, replace(QUICK, locality=weight))
        moved[weight] = (added(generator, change).synthesis(others) - generator.synthesis(others)).square().mean()
    assert moved[3.0] < 0.7 * moved[0.0]


def test_the_same_seed_gives_the_same_change(task, generator) -> None:  # type: ignore[no-untyped-def]
    config = replace(QUICK, steps=3)
    first, second = tuned(task, generator, config), tuned(task, generator, config)
    other = tuned(task, generator, replace(config, seed=1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_neighbour_is_at_its_distance() -> None:
    statistics = Statistics(torch.zeros(8), torch.full([8], 2.0))
    pivot, w = torch.zeros(6, 8), torch.arange(8.0)
    found = neighbour(pivot, w, 0.5, statistics)
    assert (found / 2).square().mean().sqrt().item() == pytest.approx(0.5)
    torch.testing.assert_close(found / found[0, 1], (w / w[1]).expand(6, 8))


def test_what_a_generator_lacks_is_passed_over_and_another_shape_is_refused(generator) -> None:  # type: ignore[no-untyped-def]
    w = sample_w(generator, 1, seed=0)[:, None].repeat(1, generator.config.num_ws, 1)
    larger = {"synthesis.b64.conv0.weight": torch.ones(2, 2, 3, 3)}
    assert torch.equal(added(generator, larger).synthesis(w), generator.synthesis(w))
    with pytest.raises(ShapeMismatch, match=r"b4.const has shape \(1, 4, 4\), the model's \(8, 4, 4\)"):
        added(generator, {"synthesis.b4.const": torch.ones(1, 4, 4)})


def test_bad_numbers_are_named(task, generator) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="tuning: found learning_rate -1"):
        TuningConfig(learning_rate=-1)
    with pytest.raises(InputError, match="found 1 w and 2 pictures"):
        next(tune(task[0], task[1][:1], {}, generator, None))
    with pytest.raises(InputError, match=r"found pictures of shape \(3, 8, 8\)"):
        next(tune(task[0][..., ::2, ::2], task[1], {}, generator, None))


def test_a_change_is_the_same_from_its_file(task, generator, tmp_path) -> None:  # type: ignore[no-untyped-def]
    change, path = rounded(tuned(task, generator, replace(QUICK, steps=2))), tmp_path / "me.tune.safetensors"
    save_change(change, generator, path)
    read = load_change(path, generator)
    assert read.keys() == change.keys()
    assert all(torch.equal(read[name], change[name]) for name in change)
    save_change(change, generator, path)  # the very same
    with pytest.raises(InputError, match="another file is there already; replace it with --force"):
        save_change({}, generator, path)


def test_foreign_and_damaged_changes_are_refused(generator, pico, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "me.tune.safetensors"
    save_change({"synthesis.b4.const": torch.ones(8, 4, 4)}, generator, path)
    with pytest.raises(WrongGenerator, match="belongs to the mapping network"):
        load_change(path, load_generator(pico(7)))
    with pytest.raises(InputError, match="no such file"):
        load_change(tmp_path / "nothing", generator)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be read"):
        load_change(path, generator)
    pico(1).save(path, replace=True)
    with pytest.raises(InputError, match="expected 'blendgan change 1'"):
        load_change(path, generator)
    with pytest.raises(InputError, match="beyond fp16 or NaN"):
        rounded({"synthesis.b4.const": torch.full([1], torch.nan)})
