"""Which snapshot of a transfer blends best, and where to swap: a sheet to judge by eye.

    python weights/compare_snapshots.py OUT.png --photos DIR runs/paintings/network-snapshot-0000{02,04,08}.safetensors

Every photo's face is projected into BASE once. Rows: the photo, its projection, then a row for each snapshot and swap
resolution, TRANSFER giving the high layers. A sheet that shows people stays out of the repository.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from blendgan import blend
from blendgan.faces import crops, first_faces
from blendgan.images import grid, to_pictures, write_png
from blendgan.projection import Finder, crop_size, draw, project_faces
from blendgan.schedule import Swap
from stylegan2.loading import load_discriminator, load_generator
from stylegan2.memory import keep_freed_memory

PICTURES = (".jpg", ".jpeg", ".png")


def sheet(base: str, snapshots: Sequence[Path], photos: Sequence[Path], swaps: Sequence[int]) -> Image.Image:
    """Return the grid of pictures."""
    generator = load_generator(base)
    faces = first_faces(photos, crop_size(generator))
    latent = project_faces(faces, Finder(generator, load_discriminator(base)))
    rows = {"photo": crops(faces), "projected": to_pictures(draw(generator, latent))}
    for snapshot in snapshots:
        for swap in swaps:
            blended = load_generator(blend(base, snapshot, Swap(swap, "high")))
            rows[f"{snapshot.stem[-6:]} kimg, > {swap} px"] = to_pictures(draw(blended, latent))
    return grid(rows)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("snapshots", type=Path, nargs="+")
    parser.add_argument("--base", default="portraits")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--swaps", type=int, nargs="+", default=[4, 8, 16, 32])
    arguments = parser.parse_args()
    keep_freed_memory()
    photos = sorted(path for path in arguments.photos.iterdir() if path.suffix.lower() in PICTURES)
    write_png(arguments.out, sheet(arguments.base, arguments.snapshots, photos, arguments.swaps))
    print(arguments.out)


if __name__ == "__main__":
    main()
