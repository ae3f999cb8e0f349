"""How long `blendgan toonify` takes as a whole process, for one face and for each further one of a group."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
ONE_LIMIT, FURTHER_LIMIT = 3.0, 0.5  # seconds, on two threads


def table(photos: Path) -> str:
    """Return both figures as Markdown: medians over rounds, after one that warms up."""
    group, one = photos / "group_01.jpg", photos / "photo_01.jpg"
    work = {"one": [str(one)], "group": [str(group)], "first": [str(group), "--faces", "1"]}
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS + 1):
        for name, words in work.items():
            taken[name].append(_seconds(words))
    further = [
        (all_of_them - first) / (_faces(group) - 1)
        for all_of_them, first in zip(taken["group"][1:], taken["first"][1:], strict=True)
    ]
    rows = {
        "toonify, one face, whole process": (statistics.median(taken["one"][1:]), ONE_LIMIT),
        "each further face": (statistics.median(further), FURTHER_LIMIT),
    }
    body = [f"| {name} | {seconds:.2f} s | {limit} s |" for name, (seconds, limit) in rows.items()]
    return "\n".join(["| work | taken | goal, at most |", "|---|---|---|", *body])


def _seconds(words: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "blendgan", "toonify", *words, "--outdir", folder, "--threads", "2", "--quiet"]
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT)
        return time.perf_counter() - started


def _faces(photo: Path) -> int:
    from projector.detection import detect
    from projector.photo import read_photo

    return len(detect(read_photo(photo).pixels))
