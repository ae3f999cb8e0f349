"""Draw the pictures of docs/spatial.md from the shipped pair:  python docs/make_spatial.py

All faces in them are invented by the models.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from blendgan.blending import blend_models, preset
from blendgan.images import grid, to_pictures, write_png
from blendgan.masks import load_mask
from blendgan.recipe import Recipe, recipe_of
from blendgan.regions import REGIONS
from blendgan.rendering import latent_of
from blendgan.schedule import Swap
from blendgan.sources import open_source
from blendgan.spatial import SpatialPair
from stylegan2 import load_generator
from stylegan2.generator import Generator

HERE = Path(__file__).resolve().parent
PAIR = ("portraits", "paintings")
SEEDS = tuple(range(2, 8))
PSI = 0.7  # truncation, as in the other sheets


def regions() -> Image.Image:
    """BASE, the pair's own blend, and the blend in each region; the mask in the first column."""
    base, blend = _models(None)
    size = base.config.image_size
    rows = {
        "BASE": [_grey(torch.zeros(1, 1, *size)), *_faces(base)],
        "blend": [_grey(torch.ones(1, 1, *size)), *_faces(blend)],
    }
    for name in REGIONS:
        mask = load_mask(name)
        rows[name] = [_grey(mask.at(*size)), *_faces(SpatialPair(base, blend, mask))]
    return grid(rows, columns=["mask", *(f"seed {seed}" for seed in SEEDS)])


def starts() -> Image.Image:
    """The same masks from every resolution on; the blend has TRANSFER's coarse layers, so the shapes differ too."""
    base, blend = _models(recipe_of(Swap(16)))
    rows = {"BASE": _faces(base), "blend": _faces(blend)}
    for name in ("hair", "eyes"):
        for start in base.config.resolutions:
            rows[f"{name}, {start} px"] = _faces(SpatialPair(base, blend, load_mask(name), start))
    return grid(rows, columns=[f"seed {seed}" for seed in SEEDS])


def _models(recipe: Recipe | None) -> tuple[Generator, Generator]:
    sources = tuple(map(open_source, PAIR))
    blended = blend_models(sources, recipe or preset(sources[1].checkpoint))
    return load_generator(sources[0].checkpoint), load_generator(blended)


@torch.inference_mode()
def _faces(generator: Generator) -> list[Image.Image]:
    zs = (latent_of(seed, generator.config.z_dim) for seed in SEEDS)
    return [to_pictures(generator.synthesis(generator.mapping(z, truncation_psi=PSI)))[0] for z in zs]


def _grey(share: torch.Tensor) -> Image.Image:
    return to_pictures(share * 2 - 1)[0]


def main() -> None:
    """Write both."""
    write_png(HERE / "pictures" / "spatial-regions.png", regions())
    write_png(HERE / "pictures" / "spatial-from.png", starts())


if __name__ == "__main__":
    main()
