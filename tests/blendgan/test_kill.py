"""Real processes that are killed, stopped and interrupted, and the runs that they leave."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from blendgan import run_log
from blendgan.cli.signals import stopping
from stylegan2.train.snapshots import load_state

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 240  # far more than any of these takes, for machines that are shared
RUN = (  # 40 batches, snapshots after 20 and 40
    "--resolution 8 --channel-base 64 --channel-max 8 --latent 8 --mapping-layers 2 --batch 50 --kimg 2 --snap 1 "
    "--p 0.5 --device cpu --threads 1"
).split()
SLOW_DISK = """
import os, sys, time
bring = os.fsync
def slowly(handle):
    time.sleep(0.05)  # so that files stand half-written for a while
    bring(handle)
os.fsync = slowly
from blendgan.cli.main import main
main()
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, write_pictures: Callable[[Path, int, int], Path]) -> Path:
    """A folder with `faces`, and the run `whole`, which was left alone."""
    folder: Path = tmp_path_factory.mktemp("place")
    write_pictures(folder / "faces", 10, 8)
    assert end(train(folder, "whole")) == (0, "")
    return folder


def train(place: Path, name: str, *words: str, program: tuple[str, ...] = ("-m", "blendgan")) -> subprocess.Popen[str]:
    """Start a run, or go on with it: the same command line, as a supervisor has it."""
    line = [sys.executable, *program, "train", "--data", "faces", "--outdir", name, "--resume", "auto", *RUN, *words]
    reset = (
        {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)} if os.name == "posix" else {}
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        line, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **reset
    )  # type: ignore[call-overload,no-any-return]


def end(process: subprocess.Popen[str], *, kill: bool = False) -> tuple[int, str]:
    """Wait for a process, or kill it; returns its exit code and what it said on stderr."""
    try:
        if kill:
            process.kill()
        said = process.communicate(timeout=LONGEST_S)[1]
    finally:
        process.kill()
    return process.returncode, said


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Wait; True when it happened, False when the process ended before."""
    latest = time.monotonic() + LONGEST_S
    while not happened():
        if process.poll() is not None:
            return False
        if time.monotonic() > latest:
            process.kill()
        time.sleep(0.001)
    return True


def assert_same(place: Path, name: str) -> None:
    """The run has the very files of the one left alone, its log's times excepted, and nothing more."""
    whole, other = place / "whole", place / name
    assert sorted(os.listdir(other)) == sorted(os.listdir(whole))
    for file in whole.iterdir():
        if file.suffix in (".safetensors", ".png"):
            assert (other / file.name).read_bytes() == file.read_bytes(), file.name
    losses = [[(line["kimg"], line["losses"]) for line in run_log.read(run / "log.jsonl")] for run in (whole, other)]
    assert losses[0] == losses[1]
    states = [load_state(run, torch.device("cpu"))[0] for run in (whole, other)]
    for part in ("generator", "average", "discriminator"):
        a, b = (getattr(state, part).state_dict() for state in states)
        assert all(torch.equal(a[key], b[key]) for key in a)


def batches(place: Path, name: str) -> int:
    return load_state(place / name, torch.device("cpu"))[0].batches


@posix
@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(place: Path) -> None:
    dice, run = random.Random(0), place / "killed"
    moments: list[Callable[[], bool]] = [
        lambda: any(run.glob(".training-state.pt.*.part")),  # the first: before there is any state
        lambda: any(run.glob(".network-snapshot-000001*.part")),
        lambda: any(run.glob(".fakes000001*.part")),
        lambda: (run / "fakes000001.png").exists() and any(run.glob(".training-state.pt.*.part")),
        lambda: any(run.glob(".network-snapshot-000002*.part")),
    ]
    for moment in moments:
        process = train(place, "killed", program=("-c", SLOW_DISK))
        came = wait_until(moment, process)
        assert (came, end(process, kill=True)) == (True, (-signal.SIGKILL, ""))
        assert any(run.glob(".*.part"))  # it was hit in the middle of writing
    for _ in range(3):  # and at moments that nobody chose
        process = train(place, "killed", program=("-c", SLOW_DISK))
        before = time.time()
        if wait_until(lambda: any(file.stat().st_mtime > before for file in run.iterdir()), process):  # noqa: B023
            time.sleep(dice.uniform(0, 0.5))
        end(process, kill=True)
    assert end(train(place, "killed")) == (0, "")
    assert_same(place, "killed")


@posix
@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_sent_a_signal_saves_and_goes_on_to_the_same_bits(place: Path, number: int, code: int) -> None:
    name = f"signal-{number}"
    run = place / name
    process = train(place, name)
    came = wait_until(lambda: (run / "log.jsonl").exists(), process)  # after 10 batches of 40
    process.send_signal(number)
    ended, said = end(process)
    assert (came, ended) == (True, code)
    assert "all saved; go on by --resume" in said
    assert 10 <= batches(place, name) < 20  # between snapshots
    assert not list(run.glob("network-snapshot*"))
    assert end(train(place, name)) == (0, "")
    assert_same(place, name)
    assert end(train(place, name)) == (0, "")  # a supervisor's last start: nothing is left to do


@posix
def test_the_first_signal_is_remembered_and_a_second_ctrl_c_ends_at_once() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopping() as stop:
            with pytest.raises(KeyboardInterrupt):  # nothing asks yet, so nothing is to be saved
                signal.raise_signal(signal.SIGINT)
            assert (stop.requested(), stop.exit_code) == (False, 0)
            signal.raise_signal(signal.SIGTERM)
            assert (stop.requested(), stop.exit_code) == (True, 143)
            signal.raise_signal(signal.SIGTERM)  # supervisors repeat it
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before[0])
    assert signal.getsignal(signal.SIGTERM) is before[1]


@posix
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping() as stop:
            stop.requested()
            signal.raise_signal(signal.SIGINT)
            assert not stop.requested()
    finally:
        signal.signal(signal.SIGINT, before)
