"""Draw the picture of dfi.md: the public-domain portrait, edited along the lists of benchmarks/dfi.

python docs/make_dfi.py FACES        # the folder of aligned faces that the lists name; some minutes
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from skimage import data

from blendgan.dfi.editing import Settings
from blendgan.dfi.features import open_features
from blendgan.dfi.orders import edits_in_turn
from blendgan.dfi.runs import Order, prepare
from blendgan.images import grid, write_png
from blendgan.masks import load_mask

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "benchmarks" / "dfi"
BOX = (130, 0, 370, 240)  # of the portrait: the head
COLUMNS = {  # caption → source, target, alpha, mask
    "glasses 0.4": ("no-glasses", "glasses", 0.4, None),
    "0.4, eyes alone": ("no-glasses", "glasses", 0.4, "eyes"),
    "less smile 0.6, mouth": ("smile", "neutral", 0.6, "mouth"),
    "older 0.5": ("younger", "older", 0.5, None),
}


def main(faces: Path, folder: Path) -> None:
    """Write docs/pictures/dfi.png by way of files in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = folder / "portrait.png"
    Image.fromarray(data.astronaut()).save(photo)
    features, row = open_features("portraits"), [Image.fromarray(data.astronaut()).crop(BOX)]
    for source, target, alpha, region in COLUMNS.values():
        edits = edits_in_turn([LISTS / f"{source}.txt"], [LISTS / f"{target}.txt"], [alpha], faces)
        order = Order(edits, Settings(), mask=load_mask(region) if region else None)
        run = prepare(photo, features, order)
        for _ in run.events():
            pass
        row.append(run.picture().crop(BOX))
    write_png(ROOT / "docs" / "pictures" / "dfi.png", grid({"": row}, columns=["portrait", *COLUMNS]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), ROOT / "out" / "dfi")
