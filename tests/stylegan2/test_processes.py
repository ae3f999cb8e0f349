"""Several processes give the losses and weights of one: seen from outside, as torchrun starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from stylegan2 import checkpoints
from stylegan2.train import processes

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = """
import sys
import torch
from test_parts import EVERYTHING, train_some
from stylegan2.train import processes
torch.set_num_threads(1)
def outcome():
    state, figures = train_some(EVERYTHING, int(sys.argv[2]))
    tensors = {k: v for part in ("generator", "average", "discriminator")
               for k, v in getattr(state, part).state_dict(prefix=part + ".").items()}
    return {"tensors": tensors, "figures": figures, "numbers": state.numbers()}
alone = outcome()
with processes.joined(torch.device("cpu")):
    if sys.argv[3:] == [str(processes.rank())]:
        raise SystemExit("this one fails")
    together = outcome()
    torch.save({"alone": alone, "together": together}, sys.argv[1] + str(processes.rank()))
"""
MASTER = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((MASTER, 0))
        port: int = listener.getsockname()[1]
        return port


def start(count: int, *arguments: str) -> list[subprocess.Popen[str]]:
    """Start the program in `count` processes that know of each other, as torchrun would."""
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": MASTER, "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, **shared, "PYTHONPATH": path, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def end_all(started: list[subprocess.Popen[str]], timeout: float = 300) -> list[tuple[int, str]]:
    """Wait for all; returns (exit code, stderr) of each."""
    try:
        errors = [process.communicate(timeout=timeout)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, error) for process, error in zip(started, errors, strict=True)]


def compare(folder: Path, batches: int) -> None:
    """Train in one process and in two, and compare everything."""
    for code, error in end_all(start(2, str(folder / "rank"), str(batches))):
        assert code == 0, error
    first, second = (torch.load(folder / f"rank{rank}", weights_only=True) for rank in (0, 1))
    alone, together = first["alone"], first["together"]
    assert len(together["figures"]) == batches
    for one, other in zip(alone["figures"], together["figures"], strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)
    assert together["numbers"]["augment_p"] == alone["numbers"]["augment_p"] != 0.5
    assert together["numbers"]["path_length"] == pytest.approx(alone["numbers"]["path_length"], rel=1e-5)
    for name, tensor in alone["tensors"].items():
        torch.testing.assert_close(together["tensors"][name], tensor, rtol=0, atol=1e-5)
        assert torch.equal(second["together"]["tensors"][name], together["tensors"][name])
    assert together["figures"] == second["together"]["figures"] != alone["figures"]  # the sums had another order


@pytest.mark.slow
def test_two_processes_are_one_over_two_steps(tmp_path: Path) -> None:
    compare(tmp_path, 2)


@pytest.mark.slow
def test_two_processes_are_one_over_twenty_steps(tmp_path: Path) -> None:
    compare(tmp_path, 20)


@pytest.mark.slow
def test_an_error_in_one_process_ends_the_others(tmp_path: Path) -> None:
    began = time.monotonic()
    (first, said), (second, reason) = end_all(start(2, str(tmp_path / "x"), "1", "1"), timeout=120)
    assert second == 1 and reason == "this one fails\n"
    assert first == 1 and "closed by peer" in said.lower(), said
    assert "InputError: processes: number 0 lost another one" in said
    assert time.monotonic() - began < 100
    assert not list(tmp_path.iterdir())


def test_without_a_group_everything_is_one_process() -> None:
    tensor = torch.ones(2)
    with processes.joined(torch.device("cpu")) as device:
        processes.sum_in_place([tensor])
    assert device == torch.device("cpu")
    assert (processes.count(), processes.rank(), processes.is_first()) == (1, 0, True)
    assert tensor.tolist() == [1, 1]
    assert processes.is_any(True, device) and not processes.is_any(False, device)


@pytest.mark.slow
def test_torchrun_trains_and_the_first_process_writes(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    for i in range(5):
        Image.new("RGB", (8, 8), (50 * i, 0, 99)).save(tmp_path / "faces" / f"{i}.png")
    words = "train --data faces --resolution 8 --channel-base 64 --channel-max 8 --latent 8 --mapping-layers 2"
    words += " --batch 8 --kimg 0.08 --device cpu --pl-weight 2"
    runs = {"one": [sys.executable], "two": [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]}
    for name, program in runs.items():
        command = [*program, "-m", "blendgan", *words.split(), "--outdir", name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MASTER_PORT": str(free_port())}
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines() == [name]
    one, two = (checkpoints.load(tmp_path / name / "network-snapshot-000000.safetensors").tensors for name in runs)
    for key in one:
        torch.testing.assert_close(one[key], two[key], rtol=0, atol=1e-5)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in runs]
    assert len(logs[0]) == len(logs[1]) == 1
    assert json.loads(logs[0][0])["losses"] == pytest.approx(json.loads(logs[1][0])["losses"], rel=1e-5, abs=1e-6)
