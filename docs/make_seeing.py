"""Draw the pictures of docs/seeing.md with the commands that it shows:  python docs/make_seeing.py

Films are shown as a strip of their frames, since a page of text does not move.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageSequence

from blendgan.cli.main import run
from blendgan.images import write_png

PICTURES = Path(__file__).resolve().parent / "pictures"
COMMANDS = {  # picture → the command that draws it; as in seeing.md
    "seeing-grid.png": (
        "grid", "--x", "swap-res=4,8,16,32", "--y", "alpha=0,0.25,0.5,1", "--transfer-gives", "high", "--seed", "2",
        "--drift",
    ),
    "seeing-schedules.png": (
        "grid", "--x", "seeds=0-5", "--y", "schedules=alpha 0; swap-res 8 high; sigmoid 16,1.5 high; alpha 1",
    ),
    "seeing-matched.png": (
        "grid", "--x", "seeds=0-5", "--y", "alpha=0,0.5,1", "--drift", "--match-colour",
    ),
    "seeing-mix.png": ("mix", "--rows", "0-2", "--cols", "4-8", "--layers", "0-3"),
}  # fmt: skip
FILMS = {  # strip → the film's command, and how many of its frames are shown side by side
    "seeing-walk.png": (("walk", "--seeds", "0-2", "--frames", "7", "--open"), 7),
    "seeing-morph.png": (("morph", "--seeds", "0-3", "--frames", "5", "--one-way"), 5),
}
DIRECTIONS = ("directions", "--count", "4", "--seeds", "0,2")


def draw(*words: str) -> None:
    """Run one command, and stop where it fails."""
    if code := run([*words, "--quiet"]):
        sys.exit(code)


def strip(film: Path, count: int) -> Image.Image:
    """Return the frames of a film: narrow ones side by side, wide ones below each other."""
    with Image.open(film) as opened:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(opened)][:count]
    width, height = frames[0].size
    across = len(frames) if width <= height else 1
    sheet = Image.new("RGB", (width * across, height * len(frames) // across))
    for i, frame in enumerate(frames):
        sheet.paste(frame, (width * (i % across), height * (i // across)))
    return sheet


def main() -> None:
    """Write all of them."""
    for name, words in COMMANDS.items():
        draw(*words, "-o", os.fspath(PICTURES / name))
    with tempfile.TemporaryDirectory() as folder:
        vectors, film = Path(folder) / "directions.safetensors", Path(folder) / "film.webp"
        draw(*DIRECTIONS, "--sheet", os.fspath(PICTURES / "seeing-directions.png"), "-o", os.fspath(vectors))
        for name, (words, count) in FILMS.items():
            draw(*words, "-o", os.fspath(film))
            shown = strip(film, count)
            smaller = (min(shown.width, 7 * 128), shown.height * min(shown.width, 7 * 128) // shown.width)
            write_png(PICTURES / name, shown.resize(smaller, Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
