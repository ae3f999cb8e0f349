"""How long a command takes that has little to do: python -m benchmarks.startup

Whole processes, `python -m blendgan …`, interleaved; medians. The large model is of 1024 px, config-f, 133 MB: its two
fingerprints take most of the time. The peers are Python itself, and importing torch, which other commands begin with.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Row

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 9
HELP_LIMIT, INSPECT_LIMIT = 0.25, 0.4  # seconds


def rows() -> list[Row]:
    """Return the figures; the peers come last."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.safetensors"
        subprocess.run([sys.executable, "-c", WRITE_LARGE, str(large)], check=True, cwd=ROOT)
        limits: dict[str, tuple[list[str], float | None]] = {
            "--help": (_blendgan("--help"), HELP_LIMIT),
            "--version": (_blendgan("--version"), HELP_LIMIT),
            "toonify --help": (_blendgan("toonify", "--help"), HELP_LIMIT),
            "inspect portraits": (_blendgan("inspect", "portraits"), INSPECT_LIMIT),
            "inspect, 133 MB": (_blendgan("inspect", str(large)), INSPECT_LIMIT),
            "python -c pass": (["-c", "pass"], None),
            'python -c "import torch"': (["-c", "import torch"], None),
        }
        seconds = _medians({figure: words for figure, (words, _) in limits.items()})
    return [_row(figure, seconds[figure], limit) for figure, (_, limit) in limits.items()]


def _row(figure: str, seconds: float, limit: float | None) -> Row:
    value = f"{seconds:.2f} s"
    return Row(figure, value, "", None) if limit is None else Row(figure, value, f"{limit} s", seconds / limit, "≤ 1")


WRITE_LARGE = """
import sys, torch
from stylegan2.checkpoints import Checkpoint, expected_shapes
from stylegan2.config import GeneratorConfig, channels_by_rule
config = GeneratorConfig(1024, channels_by_rule(1024, 32768, 512))
random = torch.Generator().manual_seed(0)
tensors = {name: torch.randn(shape, generator=random) for name, shape in expected_shapes(config).items()}
Checkpoint(config, tensors).save(sys.argv[1])
"""


def _blendgan(*words: str) -> list[str]:
    return ["-m", "blendgan", *words]


def _medians(work: dict[str, list[str]]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {figure: [] for figure in work}
    for _ in range(ROUNDS + 1):
        for figure, words in work.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
            seconds[figure].append(time.perf_counter() - started)
    return {figure: statistics.median(values[1:]) for figure, values in seconds.items()}  # the first round warms up


if __name__ == "__main__":
    print(*rows(), sep="\n")
