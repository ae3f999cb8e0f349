"""What a change costs, and how soon a first picture is there: python -m benchmarks.incremental

A 1024 px config-f generator of random weights, two threads, one sample; shares of a full pass.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import count

import torch

from benchmarks.figures import Row, interleave, ratio
from benchmarks.synthesis import make_generator
from stylegan2.incremental import IncrementalSynthesis
from stylegan2.memory import keep_freed_memory

RESOLUTION, ROUNDS = 1024, 9
CHANGES = {512: 0.5, 1024: 0.3}  # change at … px: at most this share of a full pass
FIRSTS = {256: 0.6, 128: 0.4, 64: 0.22}  # first picture of … px


@torch.inference_mode()
def rows() -> list[Row]:
    """Return the figures."""
    keep_freed_memory()
    generator = make_generator(RESOLUTION)
    ws = generator.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(1)))
    plain = generator.synthesis
    same: dict[int, Hashable] = dict.fromkeys(plain.resolutions, "same")
    incremental = IncrementalSynthesis(plain, identities=same)
    incremental(ws)
    fresh = count()

    def change(resolution: int) -> Callable[[], object]:
        def draw() -> None:
            incremental.identities = same | {resolution: next(fresh)}
            incremental(ws)

        return draw

    def first(resolution: int) -> Callable[[], object]:
        return lambda: next(picture for picture in plain.pictures(ws) if picture.shape[-1] == resolution)

    work: dict[str, Callable[[], object]] = {"full": lambda: plain(ws)}
    work |= {f"a change at {resolution} px": change(resolution) for resolution in CHANGES}
    work |= {f"the first picture, of {resolution} px": first(resolution) for resolution in FIRSTS}
    taken = interleave(work, ROUNDS, warm_up=2)
    full = taken["full"]
    goals = [*CHANGES.values(), *FIRSTS.values()]
    return [
        Row(
            f"{RESOLUTION} px, {name}",
            f"{taken[name].median:.2f} s",
            f"full pass {full.median:.2f} s",
            ratio(taken[name], full),
            f"≤ {goal}",
        )
        for name, goal in zip(list(work)[1:], goals, strict=True)
    ]


if __name__ == "__main__":
    print(*rows(), sep="\n")
