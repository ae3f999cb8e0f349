"""Every figure as one Markdown table: python -m benchmarks [NAME ...] [--into docs/performance.md]

Takes half an hour on two cores; best with nothing else running. `--into` replaces what stands between the two
marks of a page, and draws the plot beside it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import torch

from benchmarks import dni, projection, synthesis, tuning, tuning_generators
from benchmarks.figures import Row, Seconds, machine
from benchmarks.pages import replace_between
from blendgan.images import write_png
from blendgan.plots import Chart, Line, draw

NAMES = ("synthesis", "incremental", "train", "startup", "memory", "chain", "blend", "ops", "explorer", "gpu")
MARKS = ("<!-- figures: python -m benchmarks --into this file -->", "<!-- end of figures -->")
PLOT = "pictures/performance.png"  # beside the page


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    head = ["| figure | value | beside | ratio | goal |", "|---|---|---|---|---|"]
    body = [
        f"| {row.figure} | {row.value} | {row.peer} | {'' if row.ratio is None else f'{row.ratio:.2f}'} | {row.goal} |"
        for row in rows
    ]
    return "\n".join([f"Measured on: {machine()}.", "", *head, *body])


def chart(taken: dict[tuple[int, int], dict[str, Seconds]]) -> Chart:
    """Return seconds per picture over the resolution, ours and the textbook's, for each batch."""
    lines = []
    for samples in sorted({samples for _, samples in taken}):
        for name in ("ours", "textbook"):
            points = [(r, seconds[name].median / n) for (r, n), seconds in sorted(taken.items()) if n == samples]
            lines.append(Line(f"{name}, batch {samples}", tuple(points)))
    return Chart("Seconds per picture, config-f, fp32, two threads", tuple(lines), {})


def replace_between_marks(page: Path, text: str) -> None:
    """Put `text` between the two marks of a page. Raises ValueError where it has none."""
    replace_between(page, *MARKS, text)


def main() -> None:
    """Measure what was asked for, and print or insert the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default, of {', '.join(NAMES)}")
    parser.add_argument("--into", type=Path, help="the page to put the table into")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"found {unknown[0]}, expected names of {', '.join(NAMES)}")
    torch.set_num_threads(arguments.threads)
    rows: list[Row] = []
    for name in arguments.names or NAMES:
        if name == "synthesis":
            taken = {case: synthesis.measure(*case) for case in synthesis.CASES}
            rows += synthesis.rows(taken)
            if arguments.into:
                write_png(arguments.into.parent / PLOT, draw(chart(taken)))
        else:
            rows += importlib.import_module(f"benchmarks.{name}").rows()
    if arguments.into:
        replace_between_marks(arguments.into, table(rows))
    else:
        print(table(rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["projection"]:  # its table has other columns
        projection.main(sys.argv[2:])
    elif sys.argv[1:2] == ["dni"]:  # quality, not time
        dni.main(sys.argv[2:])
    elif sys.argv[1:2] == ["tuning"]:  # the same
        tuning.main(sys.argv[2:])
    elif sys.argv[1:2] == ["tuning_generators"]:
        tuning_generators.main(sys.argv[2:])
    else:
        main()
