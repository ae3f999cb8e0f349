"""What a blend costs, with two 1024 px config-f models of random weights: python -m benchmarks.blend

A blend streams from file to file. Each run is a process of its own that measures itself after its imports: seconds,
and the highest private (anonymous) memory above what the imports took, as a share of one model's size. Files are
warm in the page cache; the disk's own speed is the peer: the time to write and sync as many bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

from benchmarks.figures import Row
from blendgan.blending import blend_lazily
from blendgan.recipe import Recipe, Transfer
from blendgan.schedule import Sigmoid, Swap, Uniform
from blendgan.sources import open_source
from stylegan2 import checkpoints
from stylegan2.checkpoints import Checkpoint
from stylegan2.config import GeneratorConfig, channels_by_rule

ROUNDS, LIMIT = 3, 0.2  # the limit: private memory, of one model's size
CASES = {  # name -> TRANSFERs
    "swap 16": (Transfer(Swap(16)),),
    "sigmoid 32,1": (Transfer(Sigmoid(32, 1)),),
    "uniform 0.3": (Transfer(Uniform(0.3)),),
    "two TRANSFERs, uniform": (Transfer(Uniform(1), 0.5), Transfer(Uniform(1), 0.3)),
    "three TRANSFERs, uniform": (Transfer(Uniform(1), 0.4), Transfer(Uniform(1), 0.3), Transfer(Uniform(1), 0.2)),
}


def write_models(folder: Path, count: int) -> list[Path]:
    """Write random config-f generators of 1024 px, each a little apart from the first."""
    config = GeneratorConfig(1024, channels_by_rule(1024, 32768, 512))
    paths = []
    for seed in range(count):
        random = torch.Generator().manual_seed(seed)
        shapes = checkpoints.expected_shapes(config)
        tensors = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
        paths.append(folder / f"{seed}.safetensors")
        Checkpoint(config, tensors).save(paths[-1], replace=True)
    return paths


def anonymous_bytes() -> int:
    """The private memory of this process that no file backs (Linux)."""
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("smaps_rollup has no Anonymous line")


class Peak:
    """Watches the memory from a thread of its own while the work runs."""

    def __init__(self) -> None:
        self.start = self.highest = anonymous_bytes()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self.highest = max(self.highest, anonymous_bytes())


def measure(case: str, paths: list[Path], target: Path, *, memory: bool) -> dict[str, float]:
    """Blend once in this process; watching the memory takes time, so either is measured."""
    recipe = Recipe(CASES[case])
    torch.zeros(1) + 1  # the first operation starts torch's threads
    started = time.perf_counter()
    if not memory:
        _blend(paths, recipe, target)
        return {"seconds": time.perf_counter() - started}
    with Peak() as peak:
        _blend(paths, recipe, target)
    return {"share": (peak.highest - peak.start) / paths[0].stat().st_size}


def _blend(paths: list[Path], recipe: Recipe, target: Path) -> None:
    sources = [open_source(path) for path in paths[: len(recipe.transfers) + 1]]
    blend_lazily(sources, recipe).save(target, replace=True)


def disk_seconds(size: int, target: Path) -> float:
    """Write and sync as many bytes."""
    block = os.urandom(1 << 20)
    started = time.perf_counter()
    with target.open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - started


def child(case: str, folder: Path, *, memory: bool) -> float:
    """Measure in a new process."""
    words = [
        sys.executable,
        "-m",
        "benchmarks.blend",
        "--case",
        case,
        "--folder",
        str(folder),
        *(["--memory"] if memory else []),
    ]
    output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return float(next(iter(json.loads(output).values())))


def main() -> None:
    """Print the table, or, as a child, one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    if arguments.case:
        paths = sorted(arguments.folder.glob("[0-9].safetensors"))
        target = arguments.folder / "blend.safetensors"
        print(json.dumps(measure(arguments.case, paths, target, memory=arguments.memory)))
        return
    print(*rows(), sep="\n")


def rows() -> list[Row]:
    """Return the figures: every case interleaved, the disk's own speed for comparison, and the memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_models(folder, 4)[0].stat().st_size
        rounds = [{case: child(case, folder, memory=False) for case in CASES} for _ in range(ROUNDS)]
        disk = statistics.median(disk_seconds(size, folder / "plain") for _ in range(ROUNDS))
        shares = {case: child(case, folder, memory=True) for case in CASES}
    seconds = {case: statistics.median(one[case] for one in rounds) for case in CASES}
    what = f"blend file to file, {size / 1e6:.0f} MB a model"
    return [
        Row(f"{what}, {case}", f"{seconds[case]:.2f} s", f"write and sync {disk:.2f} s", seconds[case] / disk)
        for case in CASES
    ] + [
        Row(f"{what}, {case}, private memory", f"{share:.2f} of a model", f"{LIMIT} of a model", share / LIMIT, "≤ 1")
        for case, share in shares.items()
    ]


if __name__ == "__main__":
    main()
