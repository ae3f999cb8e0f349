"""A run's log, log.jsonl: one JSON object a line, all of them of the run as it now stands.

    {"kimg": 0.5, …}                           figures of a batch; at snapshots also "watched", the watchers' figures
    {"kimg": 10.0, "event": "rollback", …}     something that happened there

Lines are only added, but for a run that goes back to its last state: what it wrote after that is taken out, since it
will be written again. So a log tells one story, and what is read from it is as true as the state.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylegan2.checkpoints.atomic import writing

LOG_FILE = "log.jsonl"
Figures = Mapping[str, float | None]  # None: what came out was not finite


def append(log: Path, line: Mapping[str, Any]) -> None:
    """Add one line, and bring it to the disk."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def cut(log: Path, kimg: float, rollbacks: int) -> None:
    """Drop lines past a state's kimg or rollbacks, and those only half written. Nothing happens without a log."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    with writing(log) as file:
        file.writelines(line.encode() + b"\n" for line in lines if _is_before(line, kimg, rollbacks))


def history(log: Path) -> Sequence[tuple[float, Figures]]:
    """Return (kimg, figures) of every snapshot that was watched, in order."""
    return [(line["kimg"], line["watched"]) for line in read(log) if "watched" in line]


def read(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a log, none where there is no log; to be cut before, as half a line is no JSON."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def finite(figures: Mapping[str, float]) -> Figures:
    """Return the figures with None, JSON's null, for those that are not finite: JSON knows no NaN."""
    return {name: figure if math.isfinite(figure) else None for name, figure in figures.items()}


def _is_before(line: str, kimg: float, rollbacks: int) -> bool:
    try:
        record = json.loads(line)
        return float(record["kimg"]) <= kimg and record.get("rollbacks", 0) <= rollbacks
    except (ValueError, TypeError, LookupError, AttributeError):
        return False
