"""The trainer: it learns, the main network stays, the same command gives the same numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from blendgan.dni.degradation import clean_files
from blendgan.tuning.files import Main
from blendgan.tuning.forms import Form, build
from blendgan.tuning.jobs import main_job, tuning_job
from blendgan.tuning.measures import best_alphas, colour_error, filter_change, linearity_error, measure_psnr
from blendgan.tuning.pictures import draw_patches, read_sources
from blendgan.tuning.training import Plan, check_patch, new_main, train_main, train_tuning
from stylegan2.errors import Diverged, InputError

SMALL = {"batch": 4, "patch_px": 16}


@pytest.fixture(scope="module")
def sources(clean):
    return read_sources(clean, 3, 16)


def run(restorer, form, sources, steps=6, **changes):
    tuning = build(restorer, form)
    seen = list(train_tuning(restorer, tuning, sources, Plan(50, steps, **SMALL, **changes)))
    return tuning, seen


def test_every_method_learns(restorers, states, sources, form):
    restorer = restorers("residual")
    tuning, seen = run(restorer, form, sources, steps=25, rate=3e-3)
    assert [step.index for step in seen] == list(range(1, 26))
    assert sum(step.psnr for step in seen[-5:]) / 5 > sum(step.psnr for step in seen[:5]) / 5 + 0.2
    assert all(torch.equal(t, states("residual")[name]) for name, t in restorer.network.state_dict().items())
    fresh = build(restorer, form)
    assert all(not torch.equal(a, b) for a, b in zip(tuning.parameters(), fresh.parameters(), strict=True))
    given = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tuning(given, 0.0), restorer.network(given))


def test_the_same_seed_gives_the_same_numbers(restorers, sources):
    one, same, other = (run(restorers("residual"), Form("ftn"), sources, seed=seed)[0] for seed in (3, 3, 4))
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_an_enlarging_network(restorers, clean):
    restorer = restorers("compact")
    _, seen = run(restorer, Form("ftn", groups=2), read_sources(clean, 3, 16), steps=2)
    assert len(seen) == 2


def test_a_main_network_learns(sources):
    network = new_main(3, 8, 1, seed=0)
    plan = Plan(50, 40, rate=5e-3, **SMALL)
    seen = list(train_main(network, sources, plan))
    assert sum(step.psnr for step in seen[-5:]) / 5 > sum(step.psnr for step in seen[:5]) / 5 + 0.3


def test_a_training_that_diverges(restorers, sources, monkeypatch):
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda learned, most: learned[0].data.fill_(float("nan")))
    with pytest.raises(Diverged, match="numbers became NaN or infinite; nothing was written. Give a smaller --rate"):
        run(restorers("residual"), Form("adafm"), sources)


def test_patches(sources):
    patches = draw_patches(sources, 5, 16, torch.Generator().manual_seed(0))
    assert patches.shape == (5, 3, 16, 16)
    assert 0 <= patches.min() < patches.max() <= 1
    assert not torch.equal(patches[0], patches[1])
    assert {tuple(p.shape[1:]) for p in sources.pictures} == {(32, 40), (22, 28), (16, 20)}


def test_pictures_that_do_not_fit(clean, tmp_path, restorers):
    assert read_sources(clean, 1, 16).channels == 1
    with pytest.raises(InputError, match="found no picture of at least 64 px a side, expected some; add larger ones"):
        read_sources(clean, 3, 64)
    with pytest.raises(InputError, match="no pictures|no picture|found"):
        read_sources(tmp_path, 3, 16)
    with pytest.raises(InputError, match="patch: found 17 px, expected a multiple of 2 px"):
        check_patch(restorers("residual"), 17)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": 256}, "noise: found 256, expected a standard deviation from 0 to 255"),
        ({"rate": 0}, "rate: found 0, expected a learning rate above 0"),
        ({"steps": 0}, "steps: found 0, expected a number from 1"),
        ({"batch": 0}, "batch: found 0, expected a number from 1"),
        ({"patch_px": 4}, "patch: found 4, expected a number from 8"),
    ],
)
def test_plans_that_are_none(changes, message):
    with pytest.raises(InputError, match=message):
        Plan(**{"noise": 50, **changes})


def test_jobs_check_before_they_work(restorers, clean, tmp_path):
    main = Main(SimpleNamespace(name="main.safetensors"), restorers("residual"))
    target = tmp_path / "t.safetensors"
    with pytest.raises(InputError, match="noise: found 20, expected two levels"):
        tuning_job(main, Form("ftn"), clean, (20,), Plan(20), target)
    with pytest.raises(InputError, match="expected .safetensors"):
        tuning_job(main, Form("ftn"), clean, (20, 50), Plan(50, patch_px=16), tmp_path / "t.pth")
    with pytest.raises(InputError, match="channels: found 2, expected 1"):
        main_job(clean, 2, 4, 1, Plan(20), target, torch.device("cpu"))
    with pytest.raises(InputError, match="blocks: found 0, expected a number from 1"):
        main_job(clean, 3, 4, 0, Plan(20), target, torch.device("cpu"))


def test_measures(restorers, clean, shaken):
    restorer = restorers("residual")
    tuning, files = shaken(build(restorer, Form("ftn")), 0.05), clean_files(clean)
    found = list(measure_psnr(restorer, tuning, files, [20, 50], [0, 0.5, 1], crop_px=32))
    assert [(one.index, one.noise, one.alpha) for one in found][:4] == [
        (1, 20, 0),
        (2, 20, 0.5),
        (3, 20, 1),
        (4, 50, 0),
    ]
    best = best_alphas(found)
    assert all(best[noise].psnr == max(one.psnr for one in found if one.noise == noise) for noise in (20, 50))
    wanted = (abs(best[20].alpha - 0) + abs(best[50].alpha - 1)) / 2
    assert linearity_error(best, 20, 50) == pytest.approx(wanted)
    errors = colour_error(restorer, tuning, files, 20, [0, 0.25, 0.75, 1], crop_px=32)
    assert errors[0] == errors[1] == 0
    assert min(errors[0.25], errors[0.75]) > 0
    change = filter_change(tuning)
    assert change.mean_absolute > 0.001
    assert change.cosine < 0.999
    assert filter_change(build(restorer, Form("ftn"))).mean_absolute == 0
    assert filter_change(build(restorer, Form("dni"))).cosine == pytest.approx(1)
    with pytest.raises(InputError, match="filters: found none that a AdaFM changes"):
        filter_change(build(restorer, Form("adafm")))
