"""How near a projection comes to its photo: python -m benchmarks projection [--likeness DIR]"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import likeness
from benchmarks.identity import Recogniser
from stylegan2.loading import load_generator

PHOTOS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "photos"  # beside the checkout


def main(words: Sequence[str]) -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks projection", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of photos")
    parser.add_argument("--likeness", type=Path, metavar="DIR", help="compare the photos with what toonify wrote there")
    parser.add_argument("--base", default="portraits")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    photos = sorted(arguments.photos.glob("*.jpg"))
    found = list(likeness.measure(photos, arguments.likeness, load_generator(arguments.base), Recogniser()))
    print(likeness.table(found))
