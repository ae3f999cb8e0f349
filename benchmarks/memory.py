"""How much memory loading and drawing take at 1024 px: python -m benchmarks.memory

Config-f models of random weights, written by the writers of the tests: of each foreign format a training file with
three networks, and one of the moving average alone; and our safetensors of a generator. Each figure is a process of
its own, which takes its highest resident memory (Linux: VmHWM) less what it had after its imports, as a share of the
file. Pages of a mapped file count as much as the process's own.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.figures import Row

ROOT = Path(__file__).resolve().parent.parent
WRITERS = ROOT / "tests" / "stylegan2" / "checkpoints"
LOAD_LIMIT = 1.25  # of the file's size: the file once, and what the work itself takes
DRAW_LIMIT = 0.9e9  # bytes in all, for one picture
PEAKS = 5  # it varies from run to run by one activation
PICTURE = "one 1024 px picture from safetensors, fp32"
NATIVE = "safetensors"
FOREIGN = ("NVIDIA PyTorch", "NVIDIA TensorFlow", "rosinality zip", "rosinality stream")
ALONE = ", average alone"


def rows() -> list[Row]:
    """Return the figures: shares of the file, and the whole process that draws one picture."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        for kind in (*FOREIGN, *(kind + ALONE for kind in FOREIGN), NATIVE):
            _run("write", kind, path)
            for work in (*LOADS, *(["load_discriminator"] if kind in FOREIGN else [])):
                share = float(_run(work, kind, path)) / path.stat().st_size
                peer = f"{LOAD_LIMIT} of the file"
                found.append(
                    Row(f"memory, {kind}, {work}", f"{share:.2f} of the file", peer, share / LOAD_LIMIT, "≤ 1")
                )
        peak = statistics.median(float(_run("draw", NATIVE, path)) for _ in range(PEAKS))
        peer = f"{DRAW_LIMIT / 1e9} GB"
        found.append(Row(f"memory, {PICTURE}", f"{peak / 1e9:.2f} GB in all", peer, peak / DRAW_LIMIT, "≤ 1"))
    return found


def _run(work: str, kind: str, path: Path) -> str:
    """Work in a new process, which prints a number of bytes."""
    words = [sys.executable, "-m", "benchmarks.memory", "--work", work, "--format", kind, "--file", str(path)]
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def write(kind: str, path: Path) -> None:
    """Write one model of a kind."""
    import pickle

    import pytest
    import torch

    from stylegan2.checkpoints import Checkpoint

    variant, dialect = _large_variant(), kind.removesuffix(ALONE)
    if kind == NATIVE:
        Checkpoint(variant.config, variant.part("")).save(path, replace=True)
    elif dialect.startswith("rosinality"):
        root = _writer("test_rosinality").training_file(variant)
        root = {"g_ema": root["g_ema"]} if kind.endswith(ALONE) else root
        torch.save(root, path, _use_new_zipfile_serialization=dialect.endswith("zip"))
    else:
        writer = _writer("test_nvidia_torch" if dialect.endswith("PyTorch") else "test_nvidia_tf")
        with pytest.MonkeyPatch.context() as patch:
            writer.stand_in(patch)
            root = writer.snapshot(variant)
            if kind.endswith(ALONE):
                root = {"G_ema": root["G_ema"]} if isinstance(root, dict) else root[2]
            path.write_bytes(pickle.dumps(root, protocol=4))


def _large_variant() -> Any:
    from dataclasses import replace

    from stylegan2.checkpoints import expected_shapes
    from stylegan2.config import channels_by_rule

    tests = _writer("conftest")
    size = {"resolution": 1024, "channels": channels_by_rule(1024, 32768, 512)}
    config = replace(tests.GENERATOR, **size, z_dim=512, w_dim=512, mapping_layers=8, mapping_width=512)
    discriminator = replace(tests.DISCRIMINATOR, **size)
    raw = {f"raw.{name}": shape for name, shape in expected_shapes(config).items()}
    tensors = tests.random_tensors({**expected_shapes(config, discriminator), **raw}, seed=3)
    return tests.Variant(config, discriminator, tensors)


def _writer(name: str) -> ModuleType:
    """Import one module of the tests by its place: they are no package."""
    spec = importlib.util.spec_from_file_location(name, WRITERS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def touch(path: Path) -> None:
    """Read every number of every tensor, and keep the tensors."""
    from stylegan2 import checkpoints

    tensors = dict(checkpoints.load(path).tensors)
    sum(float(tensor.sum()) for tensor in tensors.values())


def load_generator(path: Path) -> None:
    """The network, its numbers all read."""
    from stylegan2 import loading

    sum(float(tensor.sum()) for tensor in loading.load_generator(path).state_dict().values())


def load_discriminator(path: Path) -> None:
    """The other network, its numbers all read."""
    from stylegan2 import loading

    sum(float(tensor.sum()) for tensor in loading.load_discriminator(path).state_dict().values())


def draw(path: Path) -> None:
    """One picture of one seed."""
    import torch

    from stylegan2 import loading

    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        loading.load_generator(path)(z)


LOADS = ("all tensors", "load_generator")
WORKS: dict[str, Callable[[Path], None]] = {
    "all tensors": touch,
    "load_generator": load_generator,
    "load_discriminator": load_discriminator,
    "draw": draw,
}


def measure(work: str, path: Path) -> int:
    """Return the highest resident memory of the work, in bytes: in all for a picture, else above the imports."""
    import torch

    from stylegan2 import checkpoints, loading

    torch.set_num_threads(2)
    checkpoints.load, loading.load_generator, torch.ones(1) + 1  # what is imported on first use
    before = 0 if work == "draw" else resident("VmRSS")
    WORKS[work](path)
    return resident("VmHWM") - before


def resident(what: str) -> int:
    """Resident memory now (VmRSS), or the highest so far (VmHWM), in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return int(lines[what].split()[0]) * 1024


def main() -> None:
    """Print the table, or, as a child, one number of bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--format", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work == "write":
        write(arguments.format, arguments.file)
    elif arguments.work:
        print(measure(arguments.work, arguments.file))
    else:
        print(*rows(), sep="\n")


if __name__ == "__main__":
    main()
