"""A picture to try things on: the public-domain NASA portrait that scikit-image carries too (data/README.md)."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from blendgan.images import write_png
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

PORTRAIT = Path(__file__).resolve().parent / "data" / "astronaut.jpg"  # 512 x 512 px


def write_portrait(path: Path) -> None:
    """Write the portrait; a picture of that name is replaced. Raises InputError unless it is to be a JPEG or PNG."""
    ending = path.suffix.lower()
    if ending not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected .jpg, .jpeg or .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".png":
        with Image.open(PORTRAIT) as portrait:
            write_png(path, portrait)
        return
    with writing(path) as file:
        file.write(PORTRAIT.read_bytes())
