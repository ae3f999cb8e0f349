"""What DFI changes in real faces, and where: python -m benchmarks.dfi_faces FACES  (the aligned faces of the lists).

Three faces that are in no list, each edited along each pair of lists at 128 px, alpha 0.4, K = 60. For each pair the
means of: root mean square of the change in levels of 255, inside the attribute's region and outside; the correlation,
inside, of the change with the difference of both lists' mean pictures; how far the features moved along w; evaluations;
seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from blendgan.dfi.editing import Edit, Edited, Settings, edit_picture
from blendgan.dfi.features import Layers, open_features, space_about
from blendgan.dfi.reverse import Step
from blendgan.dfi.sets import PictureSet, read_picture, read_set
from blendgan.regions import SIDE_PX, draw_region

LISTS = Path(__file__).resolve().parent / "dfi"
PAIRS = {("no-glasses", "glasses"): "eyes", ("neutral", "smile"): "mouth", ("no-beard", "beard"): "mouth"}
PHOTOS = ("uk_0710.jpg", "uk_0900.jpg", "uk_0950.jpg")
WORK_PX, ALPHA, NEIGHBOURS, LEVELS = 128, 0.4, 60, 127.5
HEADINGS = ("pair", "inside", "outside", "correlation", "moved", "evaluations", "seconds")


def measure(features: Layers, photo: Path, edit: Edit, expected: torch.Tensor, region: torch.Tensor) -> list[float]:
    """The figures of one edit; `expected` [3, H, W] is the difference of mean pictures, `region` [H, W] of bools."""
    before, steps, start = read_picture(photo, WORK_PX, WORK_PX), 0, time.perf_counter()
    for event in edit_picture(features, before, [edit], Settings(NEIGHBOURS), file=photo):
        steps += isinstance(event, Step)
        result = event
    if not isinstance(result, Edited):
        raise TypeError("the last event is the result")
    seconds, change = time.perf_counter() - start, (result.picture - before)[0]
    inside, outside = change[:, region], change[:, ~region]
    space = space_about(features, before)
    moved = ((space.of(result.picture) - space.of(before))[0] * result.directions[0].unit).mean()
    alike = np.corrcoef(inside.flatten(), expected[:, region].flatten())[0, 1]
    sizes = [float(part.square().mean().sqrt()) * LEVELS for part in (inside, outside)]
    return [*sizes, float(alike), float(moved), steps, seconds]


def mean_picture(pictures: PictureSet) -> torch.Tensor:
    """[3, H, W] in [-1, 1]."""
    return torch.cat([read_picture(file, WORK_PX, WORK_PX) for file in pictures.files]).mean(dim=0)


def main(faces: Path) -> None:
    """Print a Markdown table."""
    features = open_features("portraits")
    print("| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS))
    for (source, target), name in PAIRS.items():
        sets = [read_set(LISTS / f"{each}.txt", faces) for each in (source, target)]
        pace = SIDE_PX // WORK_PX
        region = torch.from_numpy(draw_region(name)[::pace, ::pace] > 0.5)
        expected = mean_picture(sets[1]) - mean_picture(sets[0])
        edit = Edit(sets[0], sets[1], ALPHA)
        rows = [measure(features, faces / photo, edit, expected, region) for photo in PHOTOS]
        figures = np.mean(rows, axis=0)
        digits = (1, 1, 2, 2, 0, 0)
        cells = [f"{value:.{digit}f}" for value, digit in zip(figures, digits, strict=True)]
        print("| " + " | ".join([f"{source} to {target}", *cells]) + " |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
