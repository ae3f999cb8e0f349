"""How long each link of the chain takes on this machine, with the shipped pair: python -m benchmarks.chain

Medians over interleaved rounds. "start" is a whole process, `python -m blendgan --version` for the base line.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

import blendgan
from benchmarks.figures import Row, interleave
from blendgan.samples import write_portrait
from blendgan.schedule import Swap
from stylegan2.loading import load_discriminator, load_generator, open_model
from stylegan2.memory import keep_freed_memory
from stylegan2.train import TrainingConfig
from stylegan2.train.data import Batch
from stylegan2.train.snapshots import checkpoint_to_state
from stylegan2.train.step import train_batch

ROUNDS = 5
BATCH = 16
LIMITS = {"toonify, one face, whole process": 3}  # seconds


def command(*words: str) -> None:
    """Run blendgan as a process of its own."""
    subprocess.run([sys.executable, "-m", "blendgan", *words], check=True, capture_output=True)


def figures(folder: Path) -> dict[str, tuple[Callable[[], object], float, str]]:
    """Name -> (work, how many units one call does, unit per second or seconds)."""
    photo = folder / "photo.jpg"
    write_portrait(photo)
    generator, discriminator = load_generator("portraits"), load_discriminator("portraits")
    z = torch.randn(BATCH, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    config = TrainingConfig(batch=BATCH)
    state = checkpoint_to_state(open_model("portraits"), config, torch.device("cpu"))
    size = generator.config.resolution
    real = torch.rand([BATCH, 3, size, size], generator=torch.Generator().manual_seed(1)) * 2 - 1
    toon = ("toonify", str(photo), "--force", "--outdir", str(folder))
    return {
        "process start": (lambda: command("--version"), 0, "s"),
        "toonify, one face, whole process": (lambda: command(*toon), 0, "s"),
        "blend the pair in memory": (lambda: blendgan.blend("portraits", "paintings", Swap(16)), 0, "s"),
        f"generate, batch {BATCH}": (lambda: generator(z), BATCH, "img/s"),
        f"discriminate, batch {BATCH}": (lambda: discriminator(real), BATCH, "img/s"),
        f"train, batch {BATCH}, no augmentation": (
            lambda: train_batch(state, Batch(real, None), config),
            BATCH,
            "img/s",
        ),
    }


def rows() -> list[Row]:
    """Return the figures."""
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        work = figures(Path(name))
        taken = interleave({key: call for key, (call, _, _) in work.items()}, ROUNDS)
    found = []
    for key, (_, units, unit) in work.items():
        median = taken[key].median
        value = f"{units / median if units else median:.3g} {unit}"
        limit = LIMITS.get(key)
        found.append(
            Row(key, value, "", None) if limit is None else Row(key, value, f"{limit} s", median / limit, "≤ 1")
        )
    return found


if __name__ == "__main__":
    print(*rows(), sep="\n")
