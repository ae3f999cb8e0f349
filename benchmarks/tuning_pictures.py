"""Pictures of the study's networks: a face along α by several methods, and a map of α."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.dni_pictures import public_pictures
from benchmarks.tuning_networks import Course
from blendgan.dni.degradation import degrade, pattern_seed, read_clean
from blendgan.images import grid, to_uint8
from blendgan.tuning.files import open_main, open_tuned

METHODS = ("DNI", "CFSNet", "FTN-gc16", "FTN")
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
NOISES = (20.0, 50.0)  # the first as the paper's Figure 8, where a high α smooths too much
FACE, CROP_PX = (60, 140), 128  # top, left of the crop of astronaut; its side
MAP_NOISE = 50.0
PART = (..., slice(0, 320), slice(70, 390))  # of astronaut, that the map has


def pictures(course: Course, seed: int) -> dict[str, Image.Image]:
    """By file name."""
    return {"tuning-strip.png": strip(course, seed), "tuning-map.png": mapped(course, seed)}


def strip(course: Course, seed: int) -> Image.Image:
    """A row for each level and method: as given, α from 0 to 1, clean."""
    main = open_main(course.main_file(seed))
    rows = {}
    for noise in NOISES:
        given, clean = _face(noise)
        for method in METHODS:
            tuning = open_tuned(course.tuning_file(seed, method), main).tuning
            with torch.inference_mode():
                drawn = [tuning(given, alpha) for alpha in ALPHAS]
            rows[f"noise {noise:g}, {method}"] = [_cropped(cell) for cell in (given, *drawn, clean)]
    return grid(rows, ["given", *(f"alpha {alpha:g}" for alpha in ALPHAS), "clean"])


def mapped(course: Course, seed: int) -> Image.Image:
    """Astronaut with α from 0 at the left to 1 at the right (equation 3, Figure 9)."""
    tuning = open_tuned(course.tuning_file(seed, "FTN-gc16"), open_main(course.main_file(seed))).tuning
    given = _face(MAP_NOISE)[0][PART]
    width = given.shape[3]
    across = torch.linspace(0, 1, width).expand(1, 1, given.shape[2], width).contiguous()
    with torch.inference_mode():
        drawn = [tuning(given, 0.0), tuning(given, 1.0), tuning(given, across)]
    shown = [_picture(cell) for cell in (given, *drawn)]
    return grid({"": shown}, [f"noise {MAP_NOISE:g}", "alpha 0", "alpha 1", "0 at the left, 1 at the right"])


def _face(noise: float) -> tuple[Tensor, Tensor]:
    file = public_pictures()[0]
    clean = read_clean(file, 3, 1, None)
    return degrade(clean, 1, noise, pattern_seed(0, file)), clean


def _cropped(picture: Tensor) -> Image.Image:
    top, left = FACE
    return _picture(picture[..., top : top + CROP_PX, left : left + CROP_PX])


def _picture(picture: Tensor) -> Image.Image:
    pixels: np.ndarray = to_uint8(picture.clamp(0, 1) * 2 - 1)[0]
    return Image.fromarray(pixels)
