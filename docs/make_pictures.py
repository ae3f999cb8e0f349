"""Draw the pictures of the README and of weights/README.md from the shipped pair:  python docs/make_pictures.py

They show the public-domain portrait that `blendgan sample` writes, and faces that the models invent.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from blendgan import blend, toonify
from blendgan.blending import preset
from blendgan.images import write_png
from blendgan.preview import View, preview
from blendgan.recording import sample_grid
from blendgan.samples import write_portrait
from blendgan.schedule import Swap
from blendgan.sources import open_source
from blendgan.toonification import ToonSettings, open_studio, toonify_photo
from stylegan2 import load_generator
from stylegan2.memory import keep_freed_memory

HERE = Path(__file__).resolve().parent
PAIR = ("portraits", "paintings")
SWAPS = (4, 8, 16, 32, 64)  # px, of the swaps that `swaps.png` compares
SEEDS = tuple(range(10))
HEAD = (120, 0, 340, 220)  # of the portrait


def hero() -> Image.Image:
    """The portrait, what toonify makes of it, and the steps between."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        write_portrait(photo)
        toon = toonify(photo, *PAIR)
        before = Image.open(photo).convert("RGB")
    steps = [Image.fromarray(toon.faces[0].crop), *toon.projected, *toon.toonified]
    column = _stack([step.resize((170, 170), Image.Resampling.LANCZOS) for step in steps])
    return _side_by_side([before, column, toon.image])


def pastes() -> Image.Image:
    """The portrait, and the ways to put its redrawn face back."""
    ways = (
        ToonSettings(),
        ToonSettings(detail=1.0),
        ToonSettings(paste="face"),
        ToonSettings(paste="face", match_colour=True),
    )
    studio = open_studio(*PAIR)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        write_portrait(photo)
        toons = [toonify_photo(studio, photo, way).image for way in ways]
        before = Image.open(photo).convert("RGB")
    return _side_by_side([picture.crop(HEAD) for picture in (before, *toons)])


def pair(transfer: str) -> Image.Image:
    """The same latents in BASE, TRANSFER and the blend that TRANSFER recommends."""
    models = {name: open_source(name).checkpoint for name in (PAIR[0], transfer)}
    blended = blend(PAIR[0], transfer, preset(models[transfer]).schedule)
    return preview({**models, "blend": blended}, View(SEEDS))


def swaps() -> Image.Image:
    """Where to swap, and which side TRANSFER gives."""
    models = {
        f"{side} {'>' if side == 'high' else '<='} {swap}": blend(*PAIR, Swap(swap, side))
        for side in ("high", "low")
        for swap in SWAPS
    }
    return preview(models, View(SEEDS))


def faces() -> Image.Image:
    """Portraits of people who do not exist, truncated at psi 0.7."""
    return sample_grid(load_generator(PAIR[0]))


def _stack(pictures: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (pictures[0].width, sum(p.height for p in pictures) + 2 * (len(pictures) - 1)), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (0, i * (picture.height + 2)))
    return sheet


def _side_by_side(pictures: list[Image.Image]) -> Image.Image:
    gap = 8
    width, height = sum(p.width for p in pictures) + gap * (len(pictures) - 1), max(p.height for p in pictures)
    sheet = Image.new("RGB", (width, height), "white")
    x = 0
    for picture in pictures:
        sheet.paste(picture, (x, (height - picture.height) // 2))
        x += picture.width + gap
    return sheet


def main() -> None:
    """Write all of them."""
    keep_freed_memory()
    write_png(HERE / "hero.png", hero())
    pictures = {
        "toonify": pastes(),
        "faces": faces(),
        "pair": pair("paintings"),
        "cartoons": pair("cartoons"),
        "swaps": swaps(),
    }
    for name, picture in pictures.items():
        write_png(HERE / "pictures" / f"{name}.png", picture)


if __name__ == "__main__":
    main()
