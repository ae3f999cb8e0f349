"""What a sweep has measured already, a line each, so that it goes on where it was ended.

The first line says by which settings; a figure stands under everything else that it hangs on: the fingerprints of the
networks, the level of noise, α, and the picture's SHA-256. So networks, levels and pictures may be added later.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

NAME = "sweep.jsonl"
KIND = "blendgan dni sweep 1"  # raised when figures of an older program are no longer what this one measures
ADVICE = "choose another --outdir, or begin anew with --force"


def count_kept(path: Path) -> int:
    """Return how many lines of figures an earlier sweep left, whole or not; 0 without a journal."""
    return max(0, len(path.read_bytes().splitlines()) - 1) if path.exists() else 0


class SweepJournal:
    """Figures by their key; kept in a file where there is one."""

    def __init__(self, settings: Mapping[str, Any], path: Path | None = None) -> None:
        """Read the journal, or begin one. Raises InputError for one that is damaged or of other settings."""
        self._path = path
        self._head = {"journal": KIND, "settings": json.loads(json.dumps(settings))}
        self._figures: dict[str, tuple[float, ...]] = {}
        if path is not None and path.exists():
            self._read(path)
        elif path is not None:
            self._begin(path)

    def get(self, key: str, count: int) -> tuple[float, ...] | None:
        """Return the figures under a key, None where there are none yet. Raises InputError for more or fewer."""
        found = self._figures.get(key)
        if found is not None and len(found) != count:
            raise InputError(f"{self._path}: found {len(found)} figures of {key}, expected {count}; {ADVICE}")
        return found

    def put(self, key: str, figures: Sequence[float]) -> None:
        """Keep figures, on the disk too."""
        self._figures[key] = tuple(figures)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"of": key, "figures": list(figures)}) + "\n")

    def _begin(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            file.write((json.dumps(self._head) + "\n").encode())

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: found bytes that are no text, expected the journal of a sweep; {ADVICE}"
            ) from error
        whole, _, cut_short = text.rpartition("\n")  # a last line without its end was being written when the run ended
        head, *lines = whole.split("\n")
        self._check_head(path, head)
        for number, line in enumerate(lines, start=2):
            key, figures = _entry(path, number, line)
            self._figures[key] = figures
        if cut_short:
            with path.open("r+b") as file:
                file.truncate(len((whole + "\n").encode()))

    def _check_head(self, path: Path, line: str) -> None:
        try:
            head = json.loads(line)
        except (ValueError, RecursionError):
            head = None
        if not isinstance(head, dict) or head.get("journal") != KIND or not isinstance(head.get("settings"), dict):
            raise InputError(f"{path}: found another file, expected the journal of a sweep; {ADVICE}")
        theirs, ours = head["settings"], self._head["settings"]
        for name in [*ours, *theirs]:
            if theirs.get(name) != ours.get(name):
                found = f"found {_told(name, theirs.get(name))}, expected {_told(name, ours.get(name))}"
                raise InputError(f"{path}: the journal of another sweep: {found}; {ADVICE}")


def _told(name: str, value: object) -> str:
    """A setting in words, or as the command line has it."""
    if name == "repair":
        return "no --repair" if value is None else f"--repair on the pictures {str(value)[:8]}"
    return f"--crop {value or 0}" if name == "crop_px" else f"{name} {value}"


def _entry(path: Path, number: int, line: str) -> tuple[str, tuple[float, ...]]:
    try:
        entry = json.loads(line)
        key, figures = entry["of"], tuple(float(figure) for figure in entry["figures"])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(f"{path}: line {number} is damaged, expected figures of a sweep; {ADVICE}") from error
    if not isinstance(key, str) or not figures or not all(map(math.isfinite, figures)):
        raise InputError(f"{path}: line {number} is damaged, expected finite figures of a sweep; {ADVICE}")
    return key, figures
