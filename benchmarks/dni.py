"""The study of deep network interpolation, redone:  python -m benchmarks dni [NAME ...] [--into docs/dni.md]

Quality, not time: the family of denoisers (Wang et al. 2018, section 3.2), the networks of others that are at hand,
two StyleGAN2 models. `--into` puts tables between the marks of a page, and pictures into the folder beside it.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import torch

from benchmarks.pages import Study, put

NAMES = ("family", "foreign", "generators")  # modules dni_NAME, each with a study()


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
            put(options.into, name, f"benchmarks dni {name}", study)
        else:
            print(study.text)
