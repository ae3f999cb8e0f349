"""Runs that are stopped, killed between any two writes, rolled back, judged and ended."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from blendgan import recording, run_log
from blendgan.control import Control, Notice
from blendgan.keeping import Goal
from blendgan.training import Run, begin, holds_run, require_same, require_same_origin, resume, run_training
from stylegan2 import checkpoints
from stylegan2.checkpoints import atomic
from stylegan2.errors import Diverged, InputError
from stylegan2.generator import Generator
from stylegan2.train import Progress, TrainingConfig, loop
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch, PictureDataset, seeded
from stylegan2.train.finite import gradient_norms, require_finite_step, require_finite_weights
from stylegan2.train.snapshots import load_state
from stylegan2.train.state import TrainingState

CPU = torch.device("cpu")
REAL = TrainingConfig(kimg=0.032, batch=4, r1_interval=2, augment_p=0.5, snapshot_kimg=0.016)  # 8 batches, 2 snapshots
CHEAP = TrainingConfig(kimg=4, batch=500, snapshot_kimg=1)  # 8 batches, 4 snapshots; of the steps below


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, write_pictures: Callable[[Path, int, int], Path]) -> Path:
    return write_pictures(tmp_path_factory.mktemp("faces"), 10, 8)


@pytest.fixture
def cheap_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that change every weight by random numbers of the batch, but learn nothing: milliseconds each."""

    def step(state: TrainingState, real: Batch, config: TrainingConfig, *rest: Any) -> dict[str, float]:
        draw = seeded(config.seed, 99, state.batches)
        with torch.no_grad():
            for network in (state.generator, state.discriminator, state.average):
                for parameter in network.parameters():
                    parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=0.01)
        state.batches += 1
        return {"loss_d": float(real.pictures.mean())}

    monkeypatch.setattr(loop, "train_batch", step)


def start(config: TrainingConfig = REAL) -> Run:
    return begin(*fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2), config, CPU)


def start_or_resume(folder: Path, config: TrainingConfig) -> Run:
    return resume(folder, None, None, CPU) if holds_run(folder) else start(config)


def ends(config: TrainingConfig = REAL) -> int:
    return round(config.kimg * 1000 / config.batch)


def stop_after(batches: int) -> Callable[[], bool]:
    """Says yes the n-th time that it is asked."""
    asked = iter([False] * (batches - 1))
    return lambda: next(asked, True)


def what_remains(folder: Path) -> dict[str, Any]:
    """Everything in a run's folder that must not hang on how often it was interrupted: files, and the log but times."""
    files = {
        file.name: file.read_bytes() for file in folder.iterdir() if file.suffix in (".safetensors", ".png", ".json")
    }
    state, config, _ = load_state(folder, CPU)
    moving = {**state.generator.state_dict(), **{f"d.{k}": v for k, v in state.discriminator.state_dict().items()}}
    moments = state.optimizer_g.state_dict()["state"], state.optimizer_d.state_dict()["state"]
    numbers = [moment.sum().item() for part in moments for entry in part.values() for moment in entry.values()]
    lines = run_log.read(folder / run_log.LOG_FILE)
    for line in lines:
        line.pop("images_per_second", None), line.pop("seconds", None), line.pop("r_t", None)
    weights = {name: tensor.numpy().tobytes() for name, tensor in moving.items()}
    return {"weights": weights, "log": lines, "config": config, "numbers": numbers, "batches": state.batches, **files}


# ---- stopped ----------------------------------------------------------------------------------------------------


def test_a_run_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bits(faces: Path, tmp_path: Path) -> None:
    list(run_training(start(), faces, tmp_path / "whole"))
    parts = tmp_path / "parts"
    events = list(run_training(start(), faces, parts, Control(stop_requested=stop_after(3))))
    assert [type(event) for event in events] == [Progress] * 3 + [Notice]
    assert events[-1] == Notice(0.012, f"stopped at 0.012 kimg, all saved; go on by --resume {parts}")
    assert not list(parts.glob("network-snapshot*"))
    assert load_state(parts, CPU)[0].batches == 3
    list(run_training(resume(parts, None, None, CPU), faces, parts, Control(stop_requested=stop_after(2))))
    list(run_training(resume(parts, None, None, CPU), faces, parts))
    assert what_remains(parts) == what_remains(tmp_path / "whole")


def test_a_run_that_never_came_to_a_snapshot_goes_on_from_its_start(faces: Path, tmp_path: Path) -> None:
    next(run_training(start(), faces, tmp_path))
    assert resume(tmp_path, None, None, CPU).state.batches == 0
    assert {file.name for file in tmp_path.iterdir()} == {"training-state.pt", "reals.png", ".lock"}


# ---- killed -----------------------------------------------------------------------------------------------------


@contextmanager
def killed_at(write: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Kill at the n-th write: odd ones before the file takes its name, even ones after. Gives the names written."""
    written: list[str] = []

    def count(name: str) -> None:
        written.append(name)
        if len(written) == write:
            raise Killed

    rename, append = os.replace, run_log.append

    def replaced(source: Path, target: Path) -> None:
        count(f"before {target.name}")
        rename(source, target)
        count(f"after {target.name}")

    def appended(log: Path, line: dict[str, Any]) -> None:
        if len(written) + 1 == write:
            with log.open("a") as file:
                file.write('{"kimg": 0.')
        count("half a line")
        append(log, line)
        count("a line")

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", replaced)
        patch.setattr(run_log, "append", appended)
        yield written


def watcher(state: TrainingState, kimg: float) -> dict[str, float]:
    return {"distance": state.generator.synthesis.b8.conv1.weight[0, 0, 0, 0].item(), "odd": math.nan}


JUDGED = Control((watcher,), Goal("distance", patience=4), keep=2)


def sweep(faces: Path, tmp_path: Path, control: Control, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Any]:
    """Kill a run at each of its writes and go on with it: it must end as one left alone. Returns writes and end."""
    config = replace(CHEAP, kimg=2)
    monkeypatch.setattr(recording, "sample_grid", lambda network: Image.fromarray(first_weights(network)))
    monkeypatch.setattr(recording, "real_grid", lambda data, seed: Image.new("RGB", (8, 8)))
    monkeypatch.setattr(atomic.os, "fsync", lambda handle: None)  # a kill of a process loses nothing of the system's
    with killed_at(0, monkeypatch) as written:
        list(run_training(start(config), faces, tmp_path / "whole", control))
    expected = what_remains(tmp_path / "whole")
    for write in range(1, len(written) + 1):
        folder = tmp_path / f"killed-{write}"
        with killed_at(write, monkeypatch), pytest.raises(Killed):
            list(run_training(start(config), faces, folder, control))
        run = start_or_resume(folder, config)
        if not run.is_finished:
            list(run_training(run, faces, folder, control))
        assert what_remains(folder) == expected, written[write - 1]
    return written, expected


def first_weights(network: Generator) -> NDArray[np.uint8]:
    """A picture made of weights, which takes no drawing."""
    return network.synthesis.b8.conv1.weight[0, 0].numpy().view(np.uint8)


@pytest.mark.slow
def test_a_run_killed_between_any_two_writes_ends_with_the_same_files(faces, cheap_steps, monkeypatch, tmp_path):
    written, _ = sweep(faces, tmp_path, JUDGED, monkeypatch)
    assert {name.split()[-1] for name in written} >= {"training-state.pt", "line", "best.json", "reals.png"}


def test_what_a_kill_left_half_written_is_cleared_away(faces: Path, tmp_path: Path, cheap_steps: None) -> None:
    left = [".training-state.pt.0a1b.part", ".network-snapshot-000001.safetensors.0a1b.part", ".fakes000001.png.1.part"]
    mine = [".notes.part", "notes.part"]
    for name in left + mine:
        (tmp_path / name).write_text("half")
    list(run_training(start(replace(CHEAP, kimg=1)), faces, tmp_path))
    assert sorted(file.name for file in tmp_path.glob("*.part")) == sorted(mine)


def test_two_runs_do_not_write_into_one_folder(faces, tmp_path) -> None:
    first = run_training(start(), faces, tmp_path)
    next(first)
    second = resume(tmp_path, None, None, CPU)
    with pytest.raises(InputError, match="another process trains there; wait for its end, or choose another --outdir"):
        next(run_training(second, faces, tmp_path))
    first.close()
    assert next(run_training(second, faces, tmp_path))  # the lock went with its holder


# ---- NaN --------------------------------------------------------------------------------------------------------


def break_pictures(monkeypatch: pytest.MonkeyPatch, breaks: Callable[[int, int], bool]) -> None:
    """Make NaN of the real pictures of a batch where `breaks(number, seed)`."""
    batch = PictureDataset.batch

    def broken_batch(self: PictureDataset, number: int, count: int, seed: int, **more: Any) -> Any:
        made = batch(self, number, count, seed, **more)
        broken = count == REAL.batch and breaks(number, seed)
        return Batch(made.pictures * math.nan, made.labels) if broken else made

    monkeypatch.setattr(PictureDataset, "batch", broken_batch)


def test_a_nan_is_named_rolled_back_and_passed_with_other_numbers(faces, tmp_path, monkeypatch) -> None:
    break_pictures(monkeypatch, lambda number, seed: number == 5 and seed == 0)
    events = list(run_training(start(), faces, tmp_path / "a"))
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.text == "loss_d came to nan in batch 6: back to 0.016 kimg, and on with other random numbers"
    assert len(events) == ends() + 1 + 1  # batch 5 was done twice
    (line,) = [line for line in run_log.read(tmp_path / "a" / "log.jsonl") if "event" in line]
    assert line == {"kimg": 0.016, "event": "rollback", "found": "loss_d came to nan in batch 6", "rollbacks": 1}
    made = checkpoints.load(next((tmp_path / "a").glob("network-snapshot*")))
    assert made.metadata["training"]["rollbacks"] == 1
    assert all(bool(made.tensors[name].isfinite().all()) for name in made.tensors)
    parts = Control(stop_requested=stop_after(5))
    list(run_training(start(), faces, tmp_path / "b", parts))  # stopped at batch 5, rolled back after being resumed
    list(run_training(resume(tmp_path / "b", None, None, CPU), faces, tmp_path / "b"))
    assert load_state(tmp_path / "b", CPU)[0].rollbacks == 1


@pytest.mark.slow
def test_a_rolled_back_run_killed_at_any_write_ends_with_the_same_files(
    faces, cheap_steps, monkeypatch, tmp_path
) -> None:
    step = loop.train_batch

    def fails_once(state: TrainingState, real: Batch, config: TrainingConfig, *rest: Any) -> dict[str, float]:
        losses = step(state, real, config, *rest)
        return losses | {"loss_d": math.nan} if state.batches == 3 and config.seed == 0 else losses

    monkeypatch.setattr(loop, "train_batch", fails_once)
    _, end = sweep(faces, tmp_path, Control(), monkeypatch)
    assert [line.get("event") for line in end["log"]] == [None, None, "rollback", None, None]


def test_numbers_that_always_fail_end_the_run_and_leave_the_last_state(faces, tmp_path, monkeypatch) -> None:
    break_pictures(monkeypatch, lambda number, seed: number == 5)
    notices = []
    with pytest.raises(
        Diverged, match="loss_d came to nan in batch 6; the run went back to 0.016 kimg 3 times"
    ) as caught:
        notices += [event for event in run_training(start(), faces, tmp_path) if isinstance(event, Notice)]
    assert "--from, with a lower --lr or a higher --gamma" in str(caught.value)
    state, _, _ = load_state(tmp_path, CPU)
    assert (state.batches, state.rollbacks) == (4, 3)
    require_finite_weights(state)


def test_other_numbers_are_other_pictures_and_none_are_the_runs_own() -> None:
    assert loop.with_other_numbers(REAL, 0) is REAL
    seeds = {loop.with_other_numbers(REAL, n).seed for n in range(4)}
    assert len(seeds) == 4
    assert loop.with_other_numbers(REAL, 2) == loop.with_other_numbers(REAL, 2)


def test_a_gradient_that_is_not_finite_is_named_by_its_tensor() -> None:
    state = start().state
    for parameter in state.discriminator.parameters():
        parameter.grad = torch.zeros_like(parameter)
    assert gradient_norms(state) == {"generator": 0.0, "discriminator": 0.0}
    gradient = state.discriminator.b8.conv0.weight.grad
    assert gradient is not None
    gradient[0, 0, 0, 0] = 3.0
    assert gradient_norms(state)["discriminator"] == 3.0
    require_finite_step(state, {"loss_g": 1.0}, gradient_norms(state))
    gradient[0, 0, 0, 0] = math.inf
    expected = "the gradient of the discriminator came to inf in batch 0, first in b8.conv0.weight"
    with pytest.raises(Diverged, match=expected):
        require_finite_step(state, {"loss_g": 1.0}, gradient_norms(state))


def test_weights_that_are_not_finite_are_never_written(faces: Path, tmp_path: Path, cheap_steps: None) -> None:
    events = run_training(run := start(CHEAP), faces, tmp_path)
    before = [next(events) for _ in range(3)] and what_remains(tmp_path)
    with torch.no_grad():
        run.state.average.synthesis.b4.const[0, 0, 0] = math.nan  # the next batch is a snapshot's
    notice = next(event for event in events if isinstance(event, Notice))
    assert notice.text.startswith(
        "synthesis.b4.const of the moving average is not finite after batch 4: back to 1 kimg"
    )
    assert not (tmp_path / "network-snapshot-000002.safetensors").exists()
    assert what_remains(tmp_path)["weights"] == before["weights"]


# ---- judged -----------------------------------------------------------------------------------------------------


def scored(*figures: float) -> Control:
    """A control that ends after 2 snapshots without a better `score`, of which the first is asked at the start."""
    return Control((lambda state, kimg: {"score": figures[round(kimg)]},), Goal("score", patience=2), keep=1)


def test_a_run_ends_when_its_figure_no_longer_improves(faces: Path, tmp_path: Path, cheap_steps: None) -> None:
    *_, notice = run_training(start(replace(CHEAP, kimg=9)), faces, tmp_path, scored(0, 5, 3, 4, 4, 1))
    said = (
        "ended: score has not improved for 2 snapshots; the best was 3 at 2 kimg, network-snapshot-000002.safetensors"
    )
    assert notice == Notice(4.0, said)
    assert json.loads((tmp_path / "best.json").read_text())["file"] == "network-snapshot-000002.safetensors"
    kept = sorted(file.name for file in tmp_path.glob("network*"))
    assert kept == ["network-snapshot-000002.safetensors", "network-snapshot-000004.safetensors"]
    first, *lines = run_log.read(tmp_path / "log.jsonl")
    assert first == {"kimg": 0.0, "event": "start", "figures": {"score": 0}}
    assert [line["watched"]["score"] for line in lines if "watched" in line] == [5, 3, 4, 4]
    assert all(line["seconds"]["watchers"] >= 0 for line in lines if "watched" in line)
    again = list(run_training(resume(tmp_path, None, None, CPU), faces, tmp_path, scored(0, 5, 3, 4, 4, 1)))
    assert again == [notice]  # a supervisor that starts it again trains no more
    more = list(run_training(resume(tmp_path, 5, None, CPU), faces, tmp_path))
    assert [type(event) for event in more] == [Progress, Progress]  # without the goal it goes on


def test_a_figure_that_nothing_knows_ends_the_run_before_it_begins(faces: Path, tmp_path: Path) -> None:
    control = Control((lambda state, kimg: {"fid": 1.0, "kid": 2.0},), Goal("fdi"))
    with pytest.raises(InputError, match="metric: found 'fdi', expected one of fid, kid; choose another"):
        next(run_training(start(), faces, tmp_path, control))


# ---- resumed by the same command line ---------------------------------------------------------------------------


def test_a_run_is_gone_on_with_only_by_its_own_numbers(faces: Path, tmp_path: Path) -> None:
    next(run_training(start(), faces, tmp_path))
    run = resume(tmp_path, None, None, CPU)
    networks = fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2)
    require_same(run, replace(REAL, kimg=99, snapshot_kimg=5), networks)
    with pytest.raises(InputError, match="gamma: found 1, expected 0.2, with which the run was begun"):
        require_same(run, replace(REAL, gamma=1), networks)
    with pytest.raises(InputError, match="networks: found"):
        require_same(run, REAL, fresh_configs(8, channel_base=32, channel_max=4, latent=8, mapping_layers=2))


# ---- disk -------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_last_state(faces: Path, tmp_path: Path, cheap_steps: None) -> None:
    resource = pytest.importorskip("resource", reason="limits of file sizes are POSIX's")
    events = run_training(start(CHEAP), faces, tmp_path)
    for _ in range(3):
        next(events)
    before = (tmp_path / "training-state.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the system refuses to write files larger than this
    try:
        with pytest.raises(InputError, match="000002.safetensors: could not be written .*; nothing was left there"):
            list(events)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "training-state.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))
    assert resume(tmp_path, None, None, CPU).state.batches == 2


# ---- event files ------------------------------------------------------------------------------------------------


def test_event_files_hold_the_figures_and_the_grid(faces: Path, tmp_path: Path, cheap_steps: None) -> None:
    pytest.importorskip("tensorboardX", reason="event files need the extra tensorboard")
    list(run_training(start(replace(CHEAP, kimg=1)), faces, tmp_path, Control((watcher,), event_files=True)))
    (first,) = tmp_path.glob("events.*")
    read = list(events_of(first))
    found = {(value.tag, event.step): value for event in read for value in event.summary.value}
    lines = {round(line["kimg"] * 1000): line for line in run_log.read(tmp_path / "log.jsonl")}
    assert found["losses/loss_d", 500].simple_value == pytest.approx(lines[500]["losses"]["loss_d"])
    assert found["watched/distance", 1000].simple_value == pytest.approx(lines[1000]["watched"]["distance"])
    assert ("watched/odd", 1000) not in found
    with Image.open(tmp_path / "fakes000001.png") as grid:
        assert (found["fakes", 1000].image.width, found["fakes", 1000].image.height) == grid.size
    list(run_training(resume(tmp_path, 2, None, CPU), faces, tmp_path, Control(event_files=True)))
    (second,) = set(tmp_path.glob("events.*")) - {first}
    assert 1001 in [event.step for event in events_of(second) if event.HasField("session_log")]  # what is beyond goes


def events_of(file: Path) -> Iterator[Any]:
    """Read records of length [8 bytes], its checksum [4], event, checksum [4]."""
    from tensorboardX.proto.event_pb2 import Event

    data = file.read_bytes()
    while data:
        length = int.from_bytes(data[:8], "little")
        yield Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


def test_a_run_does_not_go_on_as_the_transfer_of_another_model(pico: Callable[..., checkpoints.Checkpoint]) -> None:
    new = begin(*fresh_configs(8, channel_base=64, channel_max=8, latent=8, mapping_layers=2), REAL, CPU)
    run = replace(new, lineage={"transfer": {"name": "one", "fingerprint": checkpoints.fingerprint(pico(0))}})
    require_same_origin(run, pico(0))
    for other, found in ((pico(1), "found a model in memory, expected one"), (None, "found none, expected one")):
        with pytest.raises(InputError, match=f"from: {found}, from which the run was begun"):
            require_same_origin(run, other)
    require_same_origin(new, None)
    with pytest.raises(InputError, match="expected none, from which"):
        require_same_origin(new, pico(0))
