"""What a study of quality found, and the page that it is put into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from blendgan.images import write_png


@dataclass(frozen=True)
class Study:
    """A text with tables for the page, and pictures by file name."""

    text: str
    pictures: Mapping[str, Image.Image] = field(default_factory=dict)


def put(page: Path, name: str, command: str, study: Study) -> None:
    """Replace what stands between the marks of `name`, and write the pictures into the folder beside the page.

    The first mark says the command, without `python -m`. Raises ValueError for a page without the marks.
    """
    marks = f"<!-- {name}: python -m {command} --into this file -->", f"<!-- end of {name} -->"
    replace_between(page, *marks, study.text)
    for file, picture in study.pictures.items():
        write_png(page.parent / "pictures" / file, picture)


def replace_between(page: Path, first: str, last: str, text: str) -> None:
    """Put a text between two marks of a page. Raises ValueError where it has none."""
    before, found, rest = page.read_text(encoding="utf-8").partition(first)
    _, ended, after = rest.partition(last)
    if not (found and ended):
        raise ValueError(f"{page}: found no marks, expected {first} and {last}")
    page.write_text(f"{before}{first}\n\n{text}\n\n{last}{after}", encoding="utf-8")


def markdown(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
