"""Seeds in words: `0-35,50`."""

from __future__ import annotations

import re

from stylegan2.errors import InputError

LARGEST_SEED = 2**32 - 1  # numpy.random.RandomState takes 32 bits
EXAMPLE = "0-35,50"


def parse_seeds(text: str, most: int, name: str = "seeds") -> tuple[int, ...]:
    """`0-35,50` → (0, 1, …, 35, 50), in the order written, each seed once.

    Raises InputError, which names the part that is no seed, and for more than `most` seeds.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part.strip())  # LARGEST_SEED has ten digits
        if not found or int(found[2] or found[1]) > LARGEST_SEED:
            raise InputError(f"{part.strip()!r} is no seed; expected numbers and ranges such as {EXAMPLE}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise InputError(f"{part.strip()!r} runs backwards; expected {last}-{first}")
        if len(seeds) + last - first >= most:
            raise InputError(f"found {len(seeds) + last - first + 1} {name}, expected at most {most}")
        seeds.update(dict.fromkeys(range(first, last + 1)))
    return tuple(seeds)


def seeds_text(seeds: tuple[int, ...]) -> str:
    """Return the shortest words that `parse_seeds` reads as these seeds."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
