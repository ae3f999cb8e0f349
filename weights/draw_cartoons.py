"""Draw aligned faces as cartoons: the training set of `cartoons`.

    python weights/draw_cartoons.py FACES OUT

Larger eyes and a narrower chin by a warp of fixed places (the faces are aligned as FFHQ's are), flat regions by total
variation, few levels of light, strong colours, and ink where light falls off (XDoG, Winnemöller et al. 2012).
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.color import lab2rgb, rgb2lab
from skimage.restoration import denoise_tv_chambolle

Pixels = NDArray[np.float64]

SIDE = 256  # px that a face is drawn at
EYES = ((0.372, 0.467), (0.616, 0.466))  # shares of the side: where the eyes of the aligned faces are
EYE_REACH, EYE_GROWTH = 0.15, 0.5  # share of the side; of the distance from the eye's middle, taken away there
CHIN_FROM, CHIN_GROWTH = 0.66, 0.16
FLATNESS = 0.075  # weight of total variation
LEVELS, SOFTNESS = 7, 0.22  # of light
COLOUR, BRIGHTNESS = 1.35, 0.85  # factor of chroma; exponent of light
INK_SIGMA, INK_SHARPNESS, INK_FROM, INK_SLOPE = 1.3, 0.97, -0.012, 70.0


def warp(picture: Pixels) -> Pixels:
    """[H, W, 3]: eyes magnified, chin narrowed, smoothly."""
    side = picture.shape[0]
    y, x = np.mgrid[:side, :side] / side
    from_x, from_y = x.copy(), y.copy()
    for eye_x, eye_y in EYES:
        r2 = ((x - eye_x) ** 2 + (y - eye_y) ** 2) / EYE_REACH**2
        pull = EYE_GROWTH * np.clip(1 - r2, 0, 1) ** 2
        from_x -= pull * (x - eye_x)
        from_y -= pull * (y - eye_y)
    chin = np.clip((y - CHIN_FROM) / (1 - CHIN_FROM), 0, 1)
    narrowed = CHIN_GROWTH * np.sin(np.pi * chin) * np.exp(-(((x - 0.5) / 0.28) ** 2))
    from_x += narrowed * (x - 0.5)
    places = np.stack([from_y, from_x]) * side
    return np.stack([map_coordinates(picture[..., c], places, order=3, mode="reflect") for c in range(3)], axis=-1)


def flatten(picture: Pixels) -> Pixels:
    """[H, W, 3] in [0, 1]: flat regions, few levels of light, strong colours."""
    lab = rgb2lab(denoise_tv_chambolle(picture, weight=FLATNESS, channel_axis=-1))
    light = (lab[..., 0] / 100) ** BRIGHTNESS * LEVELS
    step = np.floor(light)
    lab[..., 0] = (step + 0.5 + 0.5 * np.tanh((light - step - 0.5) / SOFTNESS)) / LEVELS * 100
    lab[..., 1:] *= COLOUR
    return np.clip(lab2rgb(lab), 0, 1)


def ink(picture: Pixels) -> Pixels:
    """[H, W] in [0, 1], 0 where a line is: the difference of two blurs of the light, thresholded softly."""
    light = rgb2lab(picture)[..., 0] / 100
    edges = gaussian_filter(light, INK_SIGMA) - INK_SHARPNESS * gaussian_filter(light, 1.6 * INK_SIGMA)
    return np.where(edges >= INK_FROM, 1.0, 1 + np.tanh(INK_SLOPE * (edges - INK_FROM)))


def cartoon(face: Image.Image) -> Image.Image:
    """An aligned face of any size as a cartoon of the same size."""
    large = face.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    warped = np.clip(warp(np.asarray(large) / 255), 0, 1)
    drawn = flatten(warped) * ink(denoise_tv_chambolle(warped, weight=0.02, channel_axis=-1))[..., None]
    return Image.fromarray((drawn * 255).round().astype(np.uint8)).resize(face.size, Image.Resampling.LANCZOS)


def _draw(out: Path, file: Path) -> None:
    with Image.open(file) as face:
        cartoon(face).save(out / f"{file.stem}.png")


def main() -> None:
    """Draw every face of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = sorted(file for file in arguments.faces.iterdir() if file.suffix.lower() in (".jpg", ".png"))
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_draw, arguments.out), files, chunksize=16):
            pass


if __name__ == "__main__":
    main()
