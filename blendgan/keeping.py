"""What a run is judged by: which snapshot is the best, whether it is time to end, which files stay.

All of it is worked out of the log's history, so a run that was interrupted decides as one that was left alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from blendgan.run_log import Figures
from stylegan2.checkpoints.atomic import writing
from stylegan2.errors import InputError

BEST_FILE = "best.json"
SNAPSHOTS = "network-snapshot-*.safetensors"


@dataclass(frozen=True)
class Goal:
    """The watched figure that a run is judged by, and how many snapshots may pass without a better one."""

    name: str
    patience: int | None = None  # None: the run is never ended early
    higher_is_better: bool = False

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience: found {self.patience}, expected at least 1 snapshot; choose more")


@dataclass(frozen=True)
class Verdict:
    """The best snapshot so far, and how many came after it."""

    metric: str
    figure: float
    kimg: float
    since: int

    @property
    def file(self) -> str:
        """The name of the best snapshot."""
        return snapshot_name(self.kimg)


def snapshot_name(kimg: float) -> str:
    """0.4 → network-snapshot-000000.safetensors."""
    return f"network-snapshot-{round(kimg):06d}.safetensors"


def judge(goal: Goal, history: Sequence[tuple[float, Figures]]) -> Verdict | None:
    """Return the best of (kimg, figures), the first of equals; None where no snapshot has a figure of that name."""
    sign = -1 if goal.higher_is_better else 1
    found = [(kimg, figures.get(goal.name)) for kimg, figures in history]
    known = [(sign * figure, place) for place, (_, figure) in enumerate(found) if figure is not None]
    if not known:
        return None
    figure, place = min(known)
    return Verdict(goal.name, sign * figure, found[place][0], len(found) - 1 - place)


def why_over(goal: Goal, verdict: Verdict | None) -> str | None:
    """Return the line that says why the run ends here, None where it goes on."""
    if verdict is None or goal.patience is None or verdict.since < goal.patience:
        return None
    return (
        f"ended: {goal.name} has not improved for {verdict.since} snapshots; the best was {verdict.figure:.6g} at "
        f"{verdict.kimg:g} kimg, {verdict.file}"
    )


def record_best(folder: Path, verdict: Verdict) -> None:
    """Write best.json: metric, figure, kimg and the file's name."""
    found = {name: value for name, value in asdict(verdict).items() if name != "since"} | {"file": verdict.file}
    with writing(folder / BEST_FILE) as file:
        file.write(json.dumps(found, indent=1).encode() + b"\n")


def prune(folder: Path, keep: int, kimg: float, best: str | None) -> None:
    """Remove all snapshots up to `kimg` but the last `keep` and the best. Later ones are of no state yet: they stay."""
    so_far = sorted(file for file in folder.glob(SNAPSHOTS) if file.name <= snapshot_name(kimg))
    for file in so_far[:-keep]:
        if file.name != best:
            file.unlink()
