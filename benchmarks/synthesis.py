"""Pictures per second on the CPU beside the textbook's and the convolutions alone: python -m benchmarks.synthesis

Config-f generators of random weights, two threads. The peak is the machine's own: the 3×3 convolutions of the same
layers, channels last, measured alone as PyTorch has them. The pictures of both are compared by the rule of the golden
files before anything is timed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.figures import Row, Seconds, ratio, told
from benchmarks.textbook import states, synthesize
from blendgan.devices import require_precision
from stylegan2.config import GeneratorConfig, channels_by_rule
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.memory import keep_freed_memory

CASES = ((64, 1), (256, 1), (512, 1), (1024, 1), (64, 8), (256, 8), (512, 8), (1024, 8))  # px, samples
ROUNDS = {1: 7, 8: 3}
GOAL_FP32, GOAL_BF16, GOAL_PEAK = 2.0, 4.0, 0.75
GOLDEN_RULE = 1e-4  # of the standard deviation, or of a tenth of the largest number where that is more


def make_generator(resolution: int) -> Generator:
    """A generator of random weights, its noise switched on."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator(GeneratorConfig(resolution, channels_by_rule(resolution, 32768, 512)))
    for name, tensor in generator.named_parameters():
        if name.endswith("noise_strength"):
            tensor.data.fill_(0.1)
    return generator.eval().requires_grad_(False)


def convolutions(config: GeneratorConfig, samples: int) -> Callable[[], None]:
    """The 3×3 convolutions of every layer, on random numbers, channels last."""
    layers: list[tuple[Tensor, Tensor, bool]] = []
    for resolution in config.resolutions:
        out = config.channels_at(resolution)
        if resolution > 4:
            layers.append(_layer(samples, config.channels_at(resolution // 2), out, resolution // 2, up=True))
        layers.append(_layer(samples, out, out, resolution, up=False))

    def run() -> None:
        for x, weight, up in layers:
            if up:
                F.conv_transpose2d(x, weight, stride=2)
            else:
                F.conv2d(x, weight, padding=1)

    return run


def prepared(prepare: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    """The work that `prepare` returns, prepared when it is first done."""
    once = cache(prepare)
    return lambda: once()()


def _layer(samples: int, inputs: int, out: int, resolution: int, *, up: bool) -> tuple[Tensor, Tensor, bool]:
    x = torch.randn(samples, inputs, resolution, resolution).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(inputs, out, 3, 3) if up else torch.randn(out, inputs, 3, 3)
    return x, weight.contiguous(memory_format=torch.channels_last), up


def check(ours: Tensor, theirs: Tensor) -> None:
    """Raise AssertionError unless both are one picture by the golden rule."""
    scale = max(float(theirs.std()), 0.1 * float(theirs.abs().max()))
    difference = float((ours - theirs).abs().max()) / scale
    if difference > GOLDEN_RULE:
        raise AssertionError(f"pictures differ by {difference:.1e} of their spread; expected at most {GOLDEN_RULE:.0e}")


@torch.inference_mode()
def works(resolution: int, samples: int) -> dict[str, Callable[[], object]]:
    """Return what is timed: one batch of ours, the textbook's, the convolutions alone; ours in bf16 where it is."""
    generator = make_generator(resolution)
    (state,) = states(generator)
    z = torch.randn(samples, 512, generator=torch.Generator().manual_seed(1))
    ws, synthesis = generator.mapping(z), generator.synthesis

    def half() -> Tensor:
        synthesis.compute_in(torch.bfloat16, 8)
        picture: Tensor = synthesis(ws)
        synthesis.compute_in(None, 8)
        return picture

    return {
        "ours": lambda: synthesis(ws),
        "textbook": lambda: synthesize(state, generator.config, ws),
        "convolutions": prepared(lambda: convolutions(generator.config, samples)),
        **({"bf16": half} if has_bf16() else {}),
    }


@torch.inference_mode()
def measure(resolution: int, samples: int) -> dict[str, Seconds]:
    """Return the seconds of each work, each in a process of its own: neither finds its memory as others left it."""
    one = works(resolution, 1)
    check(one["ours"](), one["textbook"]())
    children = {name: Child(name, resolution, samples) for name in one}
    try:
        return told(children, ROUNDS[samples])
    finally:
        for child in children.values():
            child.end()


class Child:
    """A process that does one work whenever it is told to, and says how long it took."""

    def __init__(self, work: str, resolution: int, samples: int) -> None:
        words = [sys.executable, "-m", "benchmarks.synthesis", work, str(resolution), str(samples)]
        words.append(str(torch.get_num_threads()))
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self) -> float:
        """Do it once; return the seconds."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@torch.inference_mode()
def serve(work: str, resolution: int, samples: int) -> None:
    """Be such a process: a line in, seconds out."""
    keep_freed_memory()
    run = works(resolution, samples)[work]
    for _ in sys.stdin:
        started = time.perf_counter()
        run()
        print(time.perf_counter() - started, flush=True)


def has_bf16() -> bool:
    """Whether this processor computes in bf16."""
    try:
        require_precision("bf16", torch.device("cpu"))
    except InputError:
        return False
    return True


def rows(taken: dict[tuple[int, int], dict[str, Seconds]] | None = None) -> list[Row]:
    """Return the figures of every case; `taken` holds measurements that were made before."""
    taken = {case: measure(*case) for case in CASES} if taken is None else taken
    found = [row for (resolution, samples), seconds in taken.items() for row in _rows(resolution, samples, seconds)]
    return found if has_bf16() else [*found, Row("generate in bf16", "not measured: this processor has none", "", None)]


def _rows(resolution: int, samples: int, seconds: dict[str, Seconds]) -> list[Row]:
    what, goal = f"generate, {resolution} px, batch {samples}", resolution >= 256
    ours, textbook, alone = (seconds[name] for name in ("ours", "textbook", "convolutions"))
    speed = {name: f"{samples / taken.median:.2f} img/s" for name, taken in seconds.items()}
    found = [
        Row(
            f"{what}, fp32",
            speed["ours"],
            f"textbook {speed['textbook']}",
            ratio(textbook, ours),
            f"≥ {GOAL_FP32}" if goal else "",
        ),
        Row(
            f"{what}, fp32",
            speed["ours"],
            f"3×3 convolutions alone {speed['convolutions']}",
            ratio(alone, ours),
            f"≥ {GOAL_PEAK}" if goal else "",
        ),
    ]
    if "bf16" in seconds:
        half = ratio(textbook, seconds["bf16"])
        found.append(Row(f"{what}, bf16", speed["bf16"], f"textbook {speed['textbook']}", half, f"≥ {GOAL_BF16}"))
    return found


def main() -> None:
    """Print the figures, or be a process that does one work."""
    if len(sys.argv) == 1:
        print(*rows(), sep="\n")
        return
    work, resolution, samples, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    serve(work, int(resolution), int(samples))


if __name__ == "__main__":
    main()
