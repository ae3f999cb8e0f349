"""What a command line names → the pictures to work on: files, folders with all below them, and quoted patterns.

Standard library only: finding files takes no torch.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stylegan2.errors import InputError

PICTURES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic",
    ".heif", ".jp2", ".ppm", ".pgm", ".tga",
)  # fmt: skip
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts")
OURS = ".toon."  # photo.toon.png, photo.toon.strip.png …: what an earlier run wrote


@dataclass(frozen=True)
class Input:
    """One picture. `below`: its folder, from the folder or pattern that found it; empty for a file that was named.

    `label`: the file name whose stem names the results; not the photo's own where another photo of that folder has
    the same stem.
    """

    photo: Path
    below: Path = Path()
    label: str = ""

    @property
    def named(self) -> Path:
        """The path that names the results, beside the photo."""
        return self.photo.with_name(self.label or self.photo.name)


@dataclass(frozen=True)
class Found:
    """The pictures in order, each once; whether any was searched for; and how many files of which kind were left."""

    inputs: tuple[Input, ...]
    is_search: bool
    left_alone: tuple[str, ...] = ()


def find_inputs(words: Sequence[Path]) -> Found:
    """Return the pictures that files, folders and patterns name; folders are searched to the bottom, in sorted order.

    A search takes no hidden files, no results of ours, and of the rest what its ending calls a picture; videos are
    taken when a pattern or a name asks for them. Files that are named are taken as they are, but for results of ours
    that stand beside their own photo, which a shell's `*.png` brings along. Raises InputError where a folder or
    pattern holds no picture, or a folder cannot be read.
    """
    searches = [_search(word, alone=len(words) == 1) for word in words]
    once: dict[Path, Input] = {}
    for search in searches:
        for one in search.inputs:
            once.setdefault(one.photo.resolve(), one)
    return Found(
        tuple(_named_apart(_without_own_results(once.values()))),
        any(search.is_search for search in searches),
        tuple(remark for search in searches for remark in search.left_alone),
    )


def _search(word: Path, *, alone: bool) -> Found:
    if word.is_dir():
        return _in_folder(word, Path() if alone else Path(word.resolve().name))
    if not word.exists() and glob.has_magic(str(word)):
        return _by_pattern(word)
    return Found((Input(word),), is_search=False)  # one that is not there fails when it is read


def _in_folder(folder: Path, below: Path) -> Found:
    files = list(_walk(folder))
    pictures = [file for file in files if _is_wanted(file, PICTURES)]
    if not pictures:
        raise InputError(f"{folder}: found no pictures in it or below; expected some of {', '.join(PICTURES)}")
    videos = sum(_is_wanted(file, VIDEOS) for file in files)
    remark = f"{folder}: {videos} video{'s' * (videos > 1)} left alone; name them, or '{folder / '*.mp4'}'"
    inputs = (Input(file, below / file.parent.relative_to(folder)) for file in pictures)
    return Found(tuple(inputs), is_search=True, left_alone=(remark,) if videos else ())


def _walk(folder: Path) -> Iterator[Path]:
    """Every file that is not hidden, nor in a hidden folder; what lies in a folder before what lies below it."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: the folder cannot be read ({(error.strerror or '').lower()})") from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _by_pattern(pattern: Path) -> Found:
    """As a shell would have done it, `**` for any folders; a folder that fits is searched like one that is named."""
    matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))
    fixed = _fixed_part(pattern)
    inputs: list[Input] = []
    for match in matches:
        if match.is_dir() and "**" not in pattern.parts:
            inputs += (Input(f, f.parent.relative_to(fixed)) for f in _walk(match) if _is_wanted(f, PICTURES))
        elif match.is_file() and _is_wanted(match, PICTURES + VIDEOS):
            inputs.append(Input(match, match.parent.relative_to(fixed)))
    if not inputs:
        raise InputError(
            f"{pattern}: found no pictures by this pattern; expected files that end in {', '.join(PICTURES)}"
        )
    return Found(tuple(inputs), is_search=True)


def _fixed_part(pattern: Path) -> Path:
    """The folders before the first that holds a wildcard."""
    parts = pattern.parent.parts
    wild = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:wild])


def _is_wanted(file: Path, endings: tuple[str, ...]) -> bool:
    return file.suffix.lower() in endings and OURS not in file.name and not file.name.startswith(".")


def _without_own_results(inputs: Iterable[Input]) -> Iterator[Input]:
    """Leave out `photo.toon.png` where `photo.jpg`, whose result it is, is among the inputs."""
    inputs = list(inputs)
    photos = {(one.photo.parent, one.photo.stem) for one in inputs}
    photos |= {(one.photo.parent, one.photo.name) for one in inputs}  # named apart: photo.jpg.toon.png
    for one in inputs:
        origin, is_ours, _ = one.photo.name.partition(OURS)
        if not (is_ours and (one.photo.parent, origin) in photos):
            yield one


def _named_apart(inputs: Iterable[Input]) -> Iterator[Input]:
    """Let a.jpg and a.png of one folder give a.jpg.toon.png and a.png.toon.png, whichever of them comes first."""
    inputs = list(inputs)
    times = Counter((one.photo.parent, one.photo.stem.casefold()) for one in inputs)
    for one in inputs:
        if times[one.photo.parent, one.photo.stem.casefold()] > 1:
            one = replace(one, label=one.photo.name + one.photo.suffix)
        yield one
