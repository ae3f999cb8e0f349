"""The comparison of Lee et al. 2020, redone at small size:  python -m benchmarks tuning [--into docs/tuning.md]

Trains what is not there yet in `--outdir` (a network and nine tunings a seed, for the first seed more of them: an hour
of one core a seed, twice that for the first), measures it, and prints the tables, or puts them between the marks of a
page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.pages import Study, put
from benchmarks.tuning_figures import figures_of, longer_of
from benchmarks.tuning_networks import Course, train_more, train_seed
from benchmarks.tuning_pictures import pictures
from benchmarks.tuning_tables import study


def main(arguments: list[str]) -> None:
    """Train and measure each seed, and print or insert what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tuning", description=__doc__)
    parser.add_argument("--outdir", type=Path, default=Path("runs/tuning"), help="for networks and figures")
    parser.add_argument("--seeds", default="0,1,2", help="of the trainings")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--shortened", type=int, default=1, metavar="N", help="trainings of 1/N of the steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    course = Course(options.outdir, options.shortened, options.precision)
    for seed in seeds:
        for sentence in train_seed(course, seed):
            print(sentence, flush=True)
    for sentence in train_more(course, seeds[0]):
        print(sentence, flush=True)
    found = study([figures_of(course, seed) for seed in seeds], longer_of(course, seeds[0]))
    if options.into:
        shown = {**found.pictures, **pictures(course, seeds[0])}
        put(options.into, "comparison", "benchmarks tuning", Study(found.text, shown))
    else:
        print(found.text)
