"""Pictures per second on a CUDA device beside the textbook's: python -m benchmarks.gpu

Config-f generators of random weights; the textbook in fp32, ours in fp32 and in fp16 (top four resolutions), each also
as a CUDA graph. Without a device it says so.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.figures import Row, interleave, ratio
from benchmarks.synthesis import make_generator
from benchmarks.textbook import states, synthesize
from stylegan2.generator import SynthesisNetwork
from stylegan2.graphs import GraphedSynthesis

CASES = ((256, 1), (256, 16), (1024, 1), (1024, 8))  # px, samples
ROUNDS, GOAL = 25, 1.3


def waited(work: Callable[[], object]) -> Callable[[], object]:
    """The work, and the wait until the device has done it."""

    def run() -> None:
        work()
        torch.cuda.synchronize()

    return run


@torch.inference_mode()
def measure(resolution: int, samples: int) -> list[Row]:
    """Return the figures of one case."""
    generator = make_generator(resolution).to("cuda")
    half = make_generator(resolution).to("cuda").synthesis
    half.compute_in(torch.float16, resolution // 8)
    (state,) = states(generator)
    ws = generator.mapping(torch.randn(samples, 512, generator=torch.Generator().manual_seed(1)).to("cuda"))
    networks: dict[str, SynthesisNetwork] = {
        "fp32": generator.synthesis,
        "fp32, graph": GraphedSynthesis(generator.synthesis),
        "fp16": half,
        "fp16, graph": GraphedSynthesis(half),
    }
    work = {name: waited(lambda network=network: network(ws)) for name, network in networks.items()}
    work["textbook"] = waited(lambda: synthesize(state, generator.config, ws))
    taken = interleave(work, ROUNDS, warm_up=5)
    textbook = taken["textbook"]
    return [
        Row(
            f"generate on {torch.cuda.get_device_name()}, {resolution} px, batch {samples}, {name}",
            f"{samples / taken[name].median:.1f} img/s",
            f"textbook, fp32 {samples / textbook.median:.1f} img/s",
            ratio(textbook, taken[name]),
            f"≥ {GOAL}",
        )
        for name in networks
    ]


def rows() -> list[Row]:
    """Return the figures of every case."""
    if not torch.cuda.is_available():
        return [Row("generate on a GPU", "not measured: no CUDA device", "", None)]
    return [row for case in CASES for row in measure(*case)]


if __name__ == "__main__":
    print(*rows(), sep="\n")
