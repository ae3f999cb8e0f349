"""A batch cut into parts: the groups stay whole, and the step is that of the uncut batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.layers import MinibatchStddev
from stylegan2.train import TrainingConfig
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch
from stylegan2.train.parts import at, cut, group_size
from stylegan2.train.state import TrainingState, new_state
from stylegan2.train.step import parts_of, train_batch

EVERYTHING = TrainingConfig(
    batch=8, r1_interval=2, pl_weight=2.0, augment_p=0.5, augpipe="bgcfnc", ada_interval=2, ada_kimg=1.0
)
CLASSES = 3


def classed_state(config: TrainingConfig) -> TrainingState:
    sizes = fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2, num_classes=CLASSES)
    return new_state(*sizes, config, torch.device("cpu"))


def shown(number: int, config: TrainingConfig) -> tuple[Batch, Tensor]:
    """A labelled batch, and labels for fakes."""
    draw = torch.Generator().manual_seed(number)
    pictures = torch.rand([config.batch, 3, 8, 8], generator=draw) * 2 - 1
    labels = torch.eye(CLASSES)[torch.randint(CLASSES, [config.batch], generator=draw)]
    return Batch(pictures, labels), labels.roll(1, 0)


def train_some(config: TrainingConfig, batches: int) -> tuple[TrainingState, list[dict[str, float]]]:
    state = classed_state(config)
    here = parts_of(state, config).here
    figures = []
    for number in range(batches):
        real, fake_labels = shown(number, config)
        assert real.labels is not None
        figures.append(train_batch(state, Batch(at(real.pictures, here), at(real.labels, here)), config, fake_labels))
    return state, figures


@pytest.mark.parametrize(("batch", "group"), [(16, 4), (12, 4), (8, 8), (6, 4), (15, 4), (4, 0)])
def test_the_group_is_the_networks_own(batch: int, group: int) -> None:
    x = torch.randn(batch, 2, 1, 1, generator=torch.Generator().manual_seed(0))
    spread = MinibatchStddev(group, 1)(x)[:, 2, 0, 0]
    assert (spread == spread[0]).sum() == group_size(batch, group)


@pytest.mark.parametrize(
    ("batch", "group", "per_pass", "processes"),
    [(16, 4, None, 1), (16, 4, None, 2), (16, 4, 4, 2), (12, 3, 6, 1), (24, 4, 4, 3), (6, 4, 3, 1), (8, 0, None, 1)],
)
def test_parts_see_the_spread_of_the_whole_batch(batch: int, group: int, per_pass: int | None, processes: int) -> None:
    x = torch.randn(batch, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    layer = MinibatchStddev(group, 2)
    whole, seen = layer(x), []
    for rank in range(processes):
        parts = cut(batch, group, per_pass, processes=processes, rank=rank)
        seen += parts.here
        for places in parts.places:
            torch.testing.assert_close(layer(at(x, places)), at(whole, places))
    assert sorted(seen) == list(range(batch))


def test_samples_without_groups_are_shared_out_once() -> None:
    parts = [cut(16, 4, 4, processes=2, rank=rank) for rank in (0, 1)]
    for total in (8, 3, 1):
        assert sorted(i for part in parts for one in part.share(total) for i in one) == list(range(total))


@pytest.mark.parametrize(
    ("batch", "per_pass", "processes", "said"),
    [
        (
            16,
            6,
            1,
            "found 16 in 1 process, 6 at a time; parts must hold whole groups of 4 pictures; .* one of 16, 8, 4",
        ),
        (16, 2, 1, "expected batch-gpu one of 16, 8, 4"),
        (16, 8, 4, "expected batch-gpu one of 4"),
        (16, None, 3, "found 16 in 3 processes; .*; expected a batch that is a multiple of 12"),
    ],
)
def test_a_batch_that_cannot_be_cut_says_how_it_can(
    batch: int, per_pass: int | None, processes: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        cut(batch, 4, per_pass, processes=processes)


def test_an_accumulated_step_is_the_whole_one() -> None:
    whole, expected = train_some(EVERYTHING, 4)
    cut_up, found = train_some(replace(EVERYTHING, batch_gpu=4), 4)
    assert {"path_penalty", "path_length", "r1", "loss_g", "loss_d"} <= expected[0].keys()
    for one, other in zip(expected, found, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)
    assert whole.path_length == pytest.approx(cut_up.path_length, rel=1e-5)
    assert whole.augment_p == cut_up.augment_p != 0.5
    for name in ("generator", "average", "discriminator"):
        a, b = (getattr(state, name).state_dict() for state in (whole, cut_up))
        for key in a:
            torch.testing.assert_close(a[key], b[key], rtol=0, atol=1e-5)


def test_another_number_of_pictures_than_those_here_is_refused() -> None:
    batch, fake_labels = shown(0, EVERYTHING)
    with pytest.raises(ValueError, match="found 8 pictures, expected 4"):
        train_batch(classed_state(EVERYTHING), batch, replace(EVERYTHING, batch=4), fake_labels)


def test_labels_that_do_not_fit_are_refused() -> None:
    state = classed_state(EVERYTHING)
    batch, fake_labels = shown(0, EVERYTHING)
    for real, fake in ((Batch(batch.pictures, None), fake_labels), (batch, None), (batch, fake_labels[:, :2])):
        with pytest.raises(InputError, match=r"labels: found \d classes, expected 3, as the model has"):
            train_batch(state, real, EVERYTHING, fake)
