"""A picture to try things on: the public-domain NASA portrait that scikit-image carries too (data/README.md)."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from blendgan.images import write_png
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

PORTRAIT = Path(__file__).resolve().parent / "data" / "astronaut.jpg"  # 512 x 512 px


def write_portrait(path: Path) -> None:
    """Write the portrait. Raises InputError unless it is to be a JPEG or PNG, and where another picture is there."""
    ending = path.suffix.lower()
    if ending not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected .jpg, .jpeg or .png")
    if path.exists() and not _is_portrait(path):
        raise InputError(f"{path}: is there already, and another picture; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".png":
        with Image.open(PORTRAIT) as portrait:
            write_png(path, portrait)
        return
    with writing(path) as file:
        file.write(PORTRAIT.read_bytes())


def _is_portrait(path: Path) -> bool:
    """Whether a file is what this module wrote: people try the first command twice, and must not lose a photo by it."""
    if path.read_bytes() == PORTRAIT.read_bytes():
        return True
    try:
        with Image.open(path) as there, Image.open(PORTRAIT) as portrait:
            return path.suffix.lower() == ".png" and there.tobytes() == portrait.tobytes()
    except OSError:
        return False
