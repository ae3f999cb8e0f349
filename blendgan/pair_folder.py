"""The folder of a set of pairs: pictures, an index, and the settings by which it is continued.

    real/000000.png  toon/000000.png      or, side by side, pairs/000000.png: real | toon
    index.csv       pair, seed, psi, face, realness, layout
    rejected.csv    seed, reason
    pairs.json      settings, models with fingerprints, recipe
    pairs.png       the first eight
    README.md       what this is, and under which licence

A pair is there once its line in the index is; what is without is drawn again.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from blendgan.images import grid, write_png
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

INDEX, REJECTED, SETTINGS, SHEET, README = "index.csv", "rejected.csv", "pairs.json", "pairs.png", "README.md"
HEADS = {INDEX: ("pair", "seed", "psi", "face", "realness", "layout"), REJECTED: ("seed", "reason")}
LAYOUTS = ("folders", "side-by-side")
SAVED_AS: dict[str, tuple[str, dict[str, Any]]] = {  # ending → Pillow's name of the format, and how it is written
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 95, "subsampling": 0}),  # 4:4:4: colour edges of toons stay sharp
    "webp": ("WEBP", {"quality": 95, "method": 4}),
}
SHEET_PAIRS, SHEET_PX = 8, 256


class PairFolder:
    """A new or continued folder. Raises InputError for one of other settings, and for one that holds something else."""

    def __init__(self, place: Path, settings: Mapping[str, Any], layout: str, ending: str) -> None:
        self.place, self.layout, self.ending = place, layout, ending
        found = _settings_in(place)
        if found is not None:
            _require_same(place, found, settings)
        else:
            _begin(place, settings)
        self.rows = _rows(place / INDEX)
        self.rejected = {int(row["seed"]): row["reason"] for row in _rows(place / REJECTED)}

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(self.rows)

    @property
    def tried(self) -> set[int]:
        """The seeds that were drawn: kept or not."""
        return {int(row["seed"]) for row in self.rows} | set(self.rejected)

    @property
    def reasons(self) -> Counter[str]:
        """How many were left out for which reason."""
        return Counter(self.rejected.values())

    def keep(self, row: Mapping[str, object], real: Image.Image, toon: Image.Image) -> None:
        """Write the next pair, and then its line of the index."""
        number = self.count
        for path, picture in self._files(number, real, toon):
            path.parent.mkdir(exist_ok=True)
            form, how = SAVED_AS[self.ending]
            with writing(path) as file:
                picture.save(file, form, **how)
        self.rows.append(_append(self.place / INDEX, {"pair": number, **row}))

    def reject(self, seed: int, reason: str) -> None:
        """Note that a seed gives no good pair."""
        _append(self.place / REJECTED, {"seed": seed, "reason": reason})
        self.rejected[seed] = reason

    def reals(self) -> Iterator[Image.Image]:
        """Yield the real picture of each pair, as it was written."""
        return (self.read(number)[0] for number in range(self.count))

    def read(self, number: int) -> tuple[Image.Image, Image.Image]:
        """Return the real picture and the toon of a pair. Raises InputError where a file was taken away."""
        pictures = [_read(path) for path in self._paths(number)]
        if len(pictures) == 2:
            return pictures[0], pictures[1]
        half, height = pictures[0].width // 2, pictures[0].height
        return pictures[0].crop((0, 0, half, height)), pictures[0].crop((half, 0, 2 * half, height))

    def write_sheet(self) -> Path:
        """Draw the first pairs: real above, toon below."""
        pairs = [self.read(number) for number in range(min(self.count, SHEET_PAIRS))]
        rows = [[_at_most(picture, SHEET_PX) for picture in row] for row in zip(*pairs, strict=True)]
        write_png(self.place / SHEET, grid(dict(zip(("real", "toon"), rows, strict=True))))
        return self.place / SHEET

    def write_readme(self, text: str) -> None:
        """Write what the folder is."""
        with writing(self.place / README) as file:
            file.write(text.encode())

    def _paths(self, number: int) -> list[Path]:
        folders = ("real", "toon") if self.layout == "folders" else ("pairs",)
        return [self.place / folder / f"{number:06d}.{self.ending}" for folder in folders]

    def _files(self, number: int, real: Image.Image, toon: Image.Image) -> Iterator[tuple[Path, Image.Image]]:
        pictures = [real, toon] if self.layout == "folders" else [_beside(real, toon)]
        return zip(self._paths(number), pictures, strict=True)


def counts(place: Path) -> tuple[int, Counter[str]]:
    """Return how many pairs a folder holds, and how many seeds were left out for which reason."""
    return len(_rows(place / INDEX)), Counter(row["reason"] for row in _rows(place / REJECTED))


def _beside(real: Image.Image, toon: Image.Image) -> Image.Image:
    both = Image.new("RGB", (2 * real.width, real.height))
    both.paste(real, (0, 0))
    both.paste(toon, (real.width, 0))
    return both


def _at_most(picture: Image.Image, size_px: int) -> Image.Image:
    if max(picture.size) <= size_px:
        return picture
    scale = size_px / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            read: Image.Image = picture.convert("RGB")
            return read
    except OSError as error:
        raise InputError(f"{path}: is in the index and cannot be read; put it back, or begin a new folder") from error


# ---- settings and tables ----------------------------------------------------------------------------------------


def _begin(place: Path, settings: Mapping[str, Any]) -> None:
    if place.is_dir() and any(place.iterdir()):
        raise InputError(f"{place}: holds files, but no {SETTINGS}; expected a new folder, or one that pairs began")
    place.mkdir(parents=True, exist_ok=True)
    for name, heads in HEADS.items():
        with writing(place / name) as file:
            file.write((",".join(heads) + "\n").encode())
    with writing(place / SETTINGS) as file:  # last: without it the folder has not begun
        file.write(json.dumps(settings, indent=1).encode() + b"\n")


def _settings_in(place: Path) -> dict[str, Any] | None:
    path = place / SETTINGS
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path}: is not JSON ({error}); expected what pairs wrote there; begin a new folder"
        ) from error
    return found if isinstance(found, dict) else {}


def _require_same(place: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    asked = json.loads(json.dumps(wanted))
    if other := [name for name in {**found, **asked} if found.get(name) != asked.get(name)]:
        raise InputError(
            f"{place}: was begun with another {other[0]} ({_short(found.get(other[0]))}; now "
            f"{_short(asked.get(other[0]))}); say the same, or choose another folder"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _rows(path: Path) -> list[dict[str, str]]:
    """The lines of a table; a last line that was cut off in the middle is taken away, from the file too."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; begin a new folder") from error
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        with writing(path) as file:
            file.write(whole.encode())
    rows = list(csv.DictReader(io.StringIO(whole)))
    if whole.split("\n")[0] != ",".join(HEADS[path.name]) or any(None in row.values() for row in rows):
        raise InputError(f"{path}: expected the columns {','.join(HEADS[path.name])}; begin a new folder")
    return rows


def _append(path: Path, row: Mapping[str, object]) -> dict[str, str]:
    values = {name: "" if row[name] is None else str(row[name]) for name in HEADS[path.name]}
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(",".join(values.values()) + "\n")  # numbers and our own words: nothing to quote
    return values
