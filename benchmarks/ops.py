"""How near the CUDA kernels come to the memory's own speed: python -m benchmarks.ops

For each op, dtype and layout: the bytes that must be read and written, by the time, over the same of a plain copy on
the device, timed in turn with it. "kernel" is ours, "plain" what runs without it. Goal: at least 0.85 on
64 MB and more.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from benchmarks.figures import Row
from stylegan2 import ops
from stylegan2.errors import BlendganError
from stylegan2.ops import cuda

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LAYOUTS = {"channels-last": torch.channels_last, "contiguous": torch.contiguous_format}
BATCH, CHANNELS = 8, 64
ROUNDS, WARM_UP = 9, 2
REPEATS = 10  # between two events: so what the processor needs to start a kernel hides behind the one before
GOAL = 0.85


@dataclass(frozen=True)
class Case:
    """One call of an op on x [N, C, H, W]."""

    name: str
    run: Callable[[Tensor], Tensor]


def cases(f: Tensor, b: Tensor) -> tuple[Case, ...]:
    """The networks' own calls."""
    return (
        Case("upfirdn2d, blur", lambda x: ops.filter2d(x, f, padding=[2, 1, 2, 1])),
        Case("upfirdn2d, up 2", lambda x: ops.upsample2d(x, f)),
        Case("upfirdn2d, down 2", lambda x: ops.downsample2d(x, f)),
        Case("bias_act, lrelu", lambda x: ops.bias_act(x, b.to(x), act="lrelu", clamp=256)),
        Case("bias_act, swish", lambda x: ops.bias_act(x, b.to(x), act="swish")),
        Case("bias_act_gradient, lrelu", lambda x: gradient(x, saved(x), b.to(x), "lrelu", 0.2)),
        Case("bias_act_gradient, swish", lambda x: gradient(x, saved(x), b.to(x), "swish", 0.0)),
    )


@lru_cache(maxsize=1)
def saved(x: Tensor) -> Tensor:
    """Another tensor like x: x itself, read a second time, would come out of the cache."""
    return torch.randn_like(x)


def gradient(dy: Tensor, x: Tensor, b: Tensor, act: str, alpha: float) -> Tensor:
    """The gradient op."""
    y: Tensor = torch.ops.blendgan.bias_act_gradient(dy, x, b, 1, act, alpha, math.sqrt(2), 256.0)
    return y


def milliseconds(run: Callable[[], object]) -> float:
    """One run of several between two events of the device."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(REPEATS):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / REPEATS


def shares_of_copy(case: Case, x: Tensor) -> dict[str, float]:
    """Bandwidth of kernel and plain path over that of a copy of as many bytes; medians of interleaved rounds."""
    set_mode("cuda")
    size = x.nbytes * (2 if "gradient" in case.name else 1) + case.run(x).nbytes
    source = torch.empty(size // 2, dtype=torch.uint8, device=x.device)
    target = torch.empty_like(source)
    times: dict[str, list[float]] = {"copy": [], "cuda": [], "reference": []}
    for _ in range(WARM_UP + ROUNDS):
        times["copy"].append(milliseconds(lambda: target.copy_(source)))
        for mode in ("cuda", "reference"):
            set_mode(mode)
            times[mode].append(milliseconds(lambda: case.run(x)))
    medians = {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
    return {mode: medians["copy"] / medians[mode] for mode in ("cuda", "reference")} | {
        "GB/s": 2 * source.nbytes / medians["copy"] / 1e6
    }


def rows(megabytes: int = 128) -> list[Row]:
    """Return the share of a copy's bandwidth of every case; what keeps the kernels from running is a KernelError."""
    if not torch.cuda.is_available():
        return [Row("bandwidth of the CUDA kernels", "not measured: no CUDA device", "", None)]
    device, found = torch.device("cuda", torch.cuda.current_device()), []
    for name, dtype in DTYPES.items():
        side = math.isqrt(megabytes * 10**6 // (BATCH * CHANNELS * dtype.itemsize))
        side = -(-side // 16) * 16  # whole vectors in rows too
        x = torch.randn(BATCH, CHANNELS, side, side, device=device, dtype=dtype)
        for layout, memory_format in LAYOUTS.items():
            laid = x.contiguous(memory_format=memory_format)
            for case in cases(ops.setup_filter([1, 3, 3, 1]).to(device), torch.randn(CHANNELS, device=device)):
                found.append(_row(f"{case.name}, {name}, {layout}, {megabytes} MB", shares_of_copy(case, laid)))
    return found


def _row(figure: str, share: dict[str, float]) -> Row:
    peer = f"copy {share['GB/s']:.0f} GB/s; without kernel {share['reference']:.2f} of it"
    return Row(figure, f"{share['cuda']:.2f} of the copy", peer, share["cuda"], f"≥ {GOAL}")


def set_mode(mode: str) -> None:
    """Say which way the ops go from now on."""
    os.environ[cuda.VARIABLE] = mode


def main() -> int:
    """Print the table, or one line where there is no device or no kernel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=128, help="size of the input, at least 64 (default 128)")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("benchmarks/ops.py: this machine has no CUDA device, so there is nothing to measure", file=sys.stderr)
        return 2
    try:
        with torch.no_grad():
            print(*rows(max(64, arguments.megabytes)), sep="\n")
    except BlendganError as error:
        print(f"benchmarks/ops.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
