"""A training that was ended goes on as if it had not been; another's state is refused in one line."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from blendgan.cli import main
from blendgan.tuning import jobs, resumable
from blendgan.tuning.files import open_main, open_tuned
from blendgan.tuning.forms import Form
from blendgan.tuning.jobs import main_job, tuning_job
from blendgan.tuning.training import Plan
from stylegan2.errors import CheckpointError, InputError

CPU = torch.device("cpu")
PLAN = Plan(50, 7, 1e-3, batch=2, patch_px=16)


@pytest.fixture
def folder(tmp_path, states):
    save_file(states("residual"), tmp_path / "main.safetensors")
    return tmp_path


def job(folder, clean, name="a.safetensors", plan=PLAN, form=Form("ftn"), main=None, **chosen):  # noqa: B008  (frozen)
    return tuning_job(
        open_main((main or folder) / "main.safetensors"), form, clean, (20, 50), plan, folder / name, **chosen
    )


def after(number):
    """A question that is answered by yes the `number`-th time."""
    asked = itertools.count(1)
    return lambda: next(asked) == number


def saved(path):
    return path.read_bytes()


def train(one, stop=lambda: False):
    steps = [step.index for step in one.steps(stop)]
    if steps[-1] == one.plan.steps:
        one.save()
    return steps


@pytest.mark.parametrize("method", ["ftn", "cfsnet", "dni"])
def test_an_ended_tuning_goes_on_to_the_same_bytes(folder, clean, method):
    form = Form(method)
    assert train(job(folder, clean, "whole.safetensors", form=form)) == [1, 2, 3, 4, 5, 6, 7]
    first = job(folder, clean, form=form)
    assert train(first, after(3)) == [1, 2, 3]
    assert first.state_file.name == "a.safetensors.state"
    assert first.state_file.exists()
    assert not first.target.exists()
    assert train(job(folder, clean, form=form)) == [4, 5, 6, 7]
    assert saved(folder / "a.safetensors") == saved(folder / "whole.safetensors")
    assert not first.state_file.exists()


def test_an_ended_main_network_too(clean, tmp_path):
    def begin(name):
        return main_job(clean, 3, 4, 1, PLAN, tmp_path / name, CPU)

    train(begin("whole.safetensors"))
    assert train(begin("a.safetensors"), after(5)) == [1, 2, 3, 4, 5]
    assert train(begin("a.safetensors")) == [6, 7]
    assert saved(tmp_path / "a.safetensors") == saved(tmp_path / "whole.safetensors")


def test_a_killed_training_goes_on_from_its_last_state(folder, clean, monkeypatch):
    monkeypatch.setattr(resumable, "SAVE_EVERY", 2)
    train(job(folder, clean, "whole.safetensors"))
    killed = job(folder, clean).steps()
    assert [next(killed).index for _ in range(5)] == [1, 2, 3, 4, 5]
    killed.close()
    assert train(job(folder, clean)) == [5, 6, 7]
    assert saved(folder / "a.safetensors") == saved(folder / "whole.safetensors")


def test_the_state_of_another_training_is_refused_and_left_alone(folder, clean):
    train(job(folder, clean), after(3))
    state = folder / "a.safetensors.state"
    before = saved(state)
    other = Plan(50, 9, 1e-3, batch=2, patch_px=16)
    for found, chosen in (
        ("steps 7, expected 9", {"plan": other}),
        ("form ftn, groups 1, variant plain, expected dni", {"form": Form("dni")}),
    ):
        with pytest.raises(
            InputError, match=f"holds the training of {found}; begin anew with --force, or choose anoth"
        ):
            train(job(folder, clean, **chosen))
    assert saved(state) == before
    assert train(job(folder, clean, plan=other, replace=True)) == list(range(1, 10))
    train(job(folder, clean, "whole.safetensors", plan=other))
    assert load_file(folder / "a.safetensors").keys() == load_file(folder / "whole.safetensors").keys()
    assert saved(folder / "a.safetensors") == saved(folder / "whole.safetensors")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:100], lambda data: b"", lambda data: data[:-5], lambda data: b"x" * 200]
)
def test_a_damaged_state_is_one_line(folder, clean, damage):
    train(job(folder, clean), after(3))
    state = folder / "a.safetensors.state"
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(InputError, match="found no training that could go on, it is damaged; begin anew with --force"):
        train(job(folder, clean))
    assert train(job(folder, clean, replace=True)) == [1, 2, 3, 4, 5, 6, 7]
    train(job(folder, clean, "whole.safetensors"))
    assert saved(folder / "a.safetensors") == saved(folder / "whole.safetensors")


def test_the_command_says_how_it_goes_on(folder, clean, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    real = jobs.train_tuning

    def interrupted(*given):
        for step in real(*given):
            if step.index == 2:
                signal.raise_signal(signal.SIGINT)
            yield step

    words = ["tune", "train", "main.safetensors", "--images", str(clean), "--noise", "20,80", "--batch", "2"]
    words += ["--patch", "16", "--steps", "4"]
    monkeypatch.setattr(jobs, "train_tuning", interrupted)
    assert main.run(words) == 130
    assert capsys.readouterr().err.endswith("ended after step 2 of 4; the same command goes on from there\n")
    monkeypatch.setattr(jobs, "train_tuning", real)
    assert main.run(words) == 0
    assert capsys.readouterr().out.startswith("wrote ftn-main.safetensors: ftn")


def test_a_folder_in_the_place_of_the_state(folder, clean):
    (folder / "a.safetensors.state").mkdir()
    for replace in (False, True):
        with pytest.raises(
            InputError, match=r"a.safetensors.state: is a folder; remove it, or choose another name wit"
        ):
            train(job(folder, clean, replace=replace))
    assert not (folder / "a.safetensors").exists()


def test_targets_and_levels_that_are_refused_before_the_work(folder, clean):
    with pytest.raises(InputError, match=r"main.safetensors: is the main network itself; choose another name with -o"):
        job(folder, clean, "main.safetensors", replace=True)
    with pytest.raises(InputError, match="noise: found 20 twice, expected two different levels"):
        tuning_job(open_main(folder / "main.safetensors"), Form("ftn"), clean, (20, 20), PLAN, folder / "a.safetensors")
    if Path("/proc/self").is_dir():  # where nobody can make a file
        with pytest.raises(InputError, match=r"/proc/self/a.safetensors: no file can be written there \("):
            job(Path("/proc/self"), clean, main=folder)


def test_a_damaged_tuning_is_refused(folder, clean):
    train(job(folder, clean))
    path = folder / "a.safetensors"
    data = bytearray(path.read_bytes())
    data[-8] ^= 1  # a bit of a number
    path.write_bytes(bytes(data))
    with pytest.raises(
        CheckpointError, match="a.safetensors: its numbers are not those that were written, it is damag"
    ):
        open_tuned(path, open_main(folder / "main.safetensors"))


def test_a_generator_is_no_main_network(pico, folder):
    model = folder / "generator.safetensors"
    pico(0).save(model)
    with pytest.raises(
        InputError, match="found a StyleGAN2 model, expected a restoration network; between two StyleGAN"
    ):
        open_main(model)
