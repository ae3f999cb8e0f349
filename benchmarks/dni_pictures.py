"""Pictures that the networks are tested on."""

from __future__ import annotations

import os
from pathlib import Path

import skimage.data

from blendgan.dni.degradation import CleanFile, clean_files

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BLENDGAN_TEST_DATA", ROOT.parent / "shared")) / "data" / "restoration"
PUBLIC = ("astronaut.png", "chelsea.png", "rocket.jpg")  # of scikit-image: never trained on, and shown
PEOPLE = "portrait", "people"  # in the names of pictures that were never trained on either, and are not shown


def public_pictures() -> tuple[CleanFile, ...]:
    """The test pictures, in the order of PUBLIC."""
    found = {file.name: file for file in clean_files(Path(skimage.data.__file__).parent)}
    return tuple(found[name] for name in PUBLIC)


def people() -> tuple[CleanFile, ...]:
    """Crops of portraits, where the test data is; else none."""
    if not (SHARED / "images").is_dir():
        return ()
    return tuple(file for file in clean_files(SHARED / "images") if any(word in file.name for word in PEOPLE))


def foreign_network(name: str) -> Path | None:
    """A network of the test data, or None where that is not there."""
    path = SHARED / f"{name}.safetensors"
    return path if path.is_file() else None
