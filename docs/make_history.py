"""Draw how the shipped base learned, from the snapshots in weights/history:  python docs/make_history.py

The same latents after so many kimg; from 380 on the model has 128 px, grown from that of 370.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from blendgan.images import enlarge, grid, to_pictures, write_png
from blendgan.rendering import open_renderer
from stylegan2.store import resolve

HERE = Path(__file__).resolve().parent
HISTORY = HERE.parent / "weights" / "history"
SEEDS = range(10)
SIDE_PX = 128


def row(model: Path) -> list[Image.Image]:
    """The seeds' pictures, all of one size."""
    return [enlarge(picture, SIDE_PX) for picture in to_pictures(open_renderer(model).draw_seeds(SEEDS))]


def main() -> None:
    """Write pictures/history.png."""
    snapshots = {f"{int(file.stem[-6:])} kimg": file for file in sorted(HISTORY.glob("portraits-*.safetensors"))}
    rows = {caption: row(file) for caption, file in snapshots.items()} | {"portraits": row(resolve("portraits"))}
    write_png(HERE / "pictures" / "history.png", grid(rows, columns=[f"seed {seed}" for seed in SEEDS]))


if __name__ == "__main__":
    main()
