"""Draw how the shipped base learned, from the snapshots in weights/history:  python docs/make_history.py

The same latents after so many kimg; from 380 on the model has 128 px, grown from that of 370.
"""

from __future__ import annotations

from pathlib import Path

from blendgan.images import write_png
from blendgan.preview import View, preview
from stylegan2 import checkpoints
from stylegan2.store import resolve

HERE = Path(__file__).resolve().parent
HISTORY = HERE.parent / "weights" / "history"


def main() -> None:
    """Write pictures/history.png."""
    models = {f"{int(file.stem[-6:])} kimg": file for file in sorted(HISTORY.glob("portraits-*.safetensors"))}
    models["portraits"] = resolve("portraits")
    opened = {caption: checkpoints.load(file) for caption, file in models.items()}
    write_png(HERE / "pictures" / "history.png", preview(opened, View(tuple(range(10)))))


if __name__ == "__main__":
    main()
