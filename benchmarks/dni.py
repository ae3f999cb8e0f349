"""The study of deep network interpolation, redone:  python -m benchmarks dni [NAME ...] [--into docs/dni.md]

Quality, not time: the family of denoisers (Wang et al. 2018, section 3.2), the networks of others that are at hand,
two StyleGAN2 models. `--into` puts tables between the marks of a page, and pictures into the folder beside it.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from blendgan.images import write_png

NAMES = ("family", "foreign", "generators")  # modules dni_NAME, each with a study()


@dataclass(frozen=True)
class Study:
    """What one part found: a text with tables for the page, and pictures by file name."""

    text: str
    pictures: Mapping[str, Image.Image] = field(default_factory=dict)


def put(page: Path, name: str, study: Study, command: str = "benchmarks dni {name}") -> None:
    """Replace what stands between the marks of `name` on a page. Raises ValueError where it has none.

    `command`: the module and arguments that make it, as the first mark has them.
    """
    made_by = command.format(name=name)
    first, last = f"<!-- {name}: python -m {made_by} --into this file -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(first)
    _, ended, after = rest.partition(last)
    if not (found and ended):
        raise ValueError(f"{page}: found no marks, expected {first} and {last}")
    page.write_text(f"{before}{first}\n\n{study.text}\n\n{last}{after}", encoding="utf-8")
    for file, picture in study.pictures.items():
        write_png(page.parent / "pictures" / file, picture)


def main(arguments: list[str]) -> None:
    """Do the studies that were asked for, and print or insert what they found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks dni", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default, of {', '.join(NAMES)}")
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"found {unknown[0]}, expected names of {', '.join(NAMES)}")
    torch.set_num_threads(options.threads)
    for name in options.names or NAMES:
        study: Study = importlib.import_module(f"benchmarks.dni_{name}").study()
        if options.into:
            put(options.into, name, study)
        else:
            print(study.text)
