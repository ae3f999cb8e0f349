"""How long `blendgan toonify` takes as a whole process: one face, each further one, a group, and drawing again."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figures import Seconds, told
from benchmarks.projection_figures import markdown
from projector.detection import detect
from projector.photo import read_photo
from stylegan2.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
ONE_LIMIT, FURTHER_LIMIT = 3.0, 0.5  # seconds, on two threads
SIDE, TILE_PX, GREY = 3, 256, 128  # tiles in a row of the picture of many faces, px of each, and of what is around
MANY = SIDE * SIDE


def table(photos: Path, crops: Sequence[Path] | None, threads: int) -> str:
    """Return the figures as Markdown: medians over rounds, after one that warms up, all works in turn."""
    with tempfile.TemporaryDirectory() as folder:
        work, faces = _work(photos, crops, Path(folder), threads)
        taken = told(work, ROUNDS)
    return "\n".join(
        [
            f"Whole processes on {threads} threads, medians of {ROUNDS} rounds after one that warms up:",
            "",
            markdown(["work", "taken", "goal, at most"], _rows(taken, faces)),
        ]
    )


def _work(
    photos: Path, crops: Sequence[Path] | None, folder: Path, threads: int
) -> tuple[dict[str, Callable[[], float]], int]:
    """What to time, by name, and how many faces the group photo has."""
    one, group = photos / "photo_01.jpg", photos / "group_01.jpg"
    if missing := [photo for photo in (one, group) if not photo.is_file()]:
        raise InputError(f"{missing[0]}: not there; --times needs photo_01.jpg and group_01.jpg in the photos' folder")
    _seconds([str(one), "-o", str(folder / "before.png")], threads)
    again = [str(one), "--again", str(folder / "before.png"), "--swap-res", "32", "-o", str(folder / "after.png")]
    words = {"one": [str(one)], "group": [str(group)], "again": again}
    for name, count in (("many", MANY), ("first", 1)) if crops else ():
        words[name] = [str(tiled(list(crops or ())[:count], folder / f"{name}.png"))]
    return {name: lambda some=some: _seconds(some, threads) for name, some in words.items()}, _faces(group)  # type: ignore[misc]


def tiled(crops: Sequence[Path], path: Path) -> Path:
    """Write a picture of aligned crops, always of the same size, with grey where there is none.

    Raises InputError where the detector does not find each of them, once.
    """
    canvas = Image.new("RGB", (SIDE * TILE_PX, SIDE * TILE_PX), (GREY, GREY, GREY))
    for i, crop in enumerate(crops):
        tile = Image.fromarray(np.asarray(read_photo(crop).pixels)).resize((TILE_PX, TILE_PX), Image.Resampling.LANCZOS)
        canvas.paste(tile, (i % SIDE * TILE_PX, i // SIDE * TILE_PX))
    canvas.save(path)
    if (found := _faces(path)) != len(crops):
        raise InputError(f"{path.name}: found {found} faces, expected {len(crops)}, one in each tile; give other crops")
    return path


def _rows(taken: dict[str, Seconds], faces: int) -> list[list[str]]:
    rows = [
        ["toonify, one face", f"{taken['one'].median:.2f} s", f"{ONE_LIMIT} s"],
        [f"toonify, group of {faces}", f"{taken['group'].median:.2f} s", ""],
        ["toonify --again, another swap", f"{taken['again'].median:.2f} s", ""],
    ]
    if "many" in taken:
        pairs = zip(taken["many"].rounds, taken["first"].rounds, strict=True)
        further = Seconds(tuple((many - first) / (MANY - 1) for many, first in pairs))
        rows.append(
            [f"each further face, (t({MANY}) - t(1)) / {MANY - 1}", f"{further.median:.2f} s", f"{FURTHER_LIMIT} s"]
        )
    return rows


def _seconds(words: Sequence[str], threads: int) -> float:
    """Of a process that writes into a folder of its own, where the words name no file."""
    with tempfile.TemporaryDirectory() as folder:
        place = [] if "-o" in words else ["--outdir", folder]
        command = [sys.executable, "-m", "blendgan", "toonify", *words, *place, "--threads", str(threads), "--quiet"]
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT)
        return time.perf_counter() - started


def _faces(photo: Path) -> int:
    return len(detect(read_photo(photo).pixels))
