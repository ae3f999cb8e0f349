"""What the networks of one command are called in tables and charts: short, and each told from the others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

LONGEST = 24  # characters of a short name
DOTS = "..."  # Pillow's own font lacks the one character
BORDERS = "_-. /\\"  # where words of a name begin


def labels(names: Sequence[str]) -> tuple[str, ...]:
    """Return the networks' files without folder and ending; as they were given where two have the same of that.

    Give all networks of a command at once, so that each has one name in all its tables.
    """
    stems = [Path(name).stem for name in names]
    times = Counter(stems)
    return tuple(name if times[stem] > 1 else stem for name, stem in zip(names, stems, strict=True))


def short(names: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """Return each name cut to at most so many characters, so that names that differ still do.

    Head and tail stay, `my_long_ex...iter_200000`; where that would make two names one, what all share is left out:
    `...sigma20_iter_200000`. Names that differ in too many places for it are numbered.
    """
    different = list(dict.fromkeys(names))
    for cut in _cuts(different, longest):
        if len(set(cut)) == len(different):
            return dict(zip(different, cut, strict=True))
    numbers = [f"{index} " for index in range(1, len(different) + 1)]
    numbered = [
        number + _middle_out(name, longest - len(number)) for number, name in zip(numbers, different, strict=True)
    ]
    return dict(zip(different, numbered, strict=True))


def _cuts(names: Sequence[str], longest: int) -> Iterator[list[str]]:
    """Ways to cut, the one that keeps most first."""
    yield [_middle_out(name, longest) for name in names]
    start = _shared_start(names)
    rest = [name[start:] for name in names]
    before = DOTS if start else ""
    yield [before + _middle_out(name, longest - len(before)) for name in rest]
    yield [before + _start_of(name, longest - len(before)) for name in rest]
    end = len(os.path.commonprefix([name[::-1] for name in rest]))
    yield [before + _middle_out(name[: len(name) - end], longest - len(before + DOTS)) + DOTS for name in rest]


def _shared_start(names: Sequence[str]) -> int:
    """How many characters all names begin with, up to the beginning of a word; at a border only."""
    shared = os.path.commonprefix(list(names))
    return max(shared.rfind(border) for border in BORDERS) + 1


def _middle_out(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    tail = (longest - len(DOTS) + 1) // 2
    return text[: longest - len(DOTS) - tail] + DOTS + text[-tail:]


def _start_of(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len(DOTS)] + DOTS
