"""How a run is watched, judged and ended. None of it changes its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from blendgan.keeping import Goal
from stylegan2.errors import InputError
from stylegan2.train.state import TrainingState

# Called at every snapshot with the state, which it must leave as it is, and kimg; returns named figures for the log.
# Those of which more is better it names in its attribute `higher_is_better`, if it has one.
Watcher: TypeAlias = Callable[[TrainingState, float], dict[str, float]]


@dataclass(frozen=True)
class Notice:
    """Something that a user wants to read as it happens: a rollback, why a run ends."""

    kimg: float
    text: str


@dataclass(frozen=True)
class Control:
    """Who watches a run, what it is judged by, which snapshots are kept, and who may end it."""

    watchers: tuple[Watcher, ...] = ()
    goal: Goal | None = None  # a figure of one of the watchers
    keep: int | None = None  # so many snapshots stay, besides the best one; None: all
    event_files: bool = False  # for TensorBoard
    stop_requested: Callable[[], bool] = bool  # asked after every batch; the default says no

    def __post_init__(self) -> None:
        if self.keep is not None and self.keep < 1:
            raise InputError(f"keep: found {self.keep}, expected at least 1 snapshot; choose more")
        if self.goal is not None and not self.watchers:
            raise InputError(
                f"metric: found {self.goal.name!r}, but nothing watches this run; name what does by --metrics or "
                "--preview-swap, or leave it out"
            )


def goal_of(name: str, patience: int | None, watchers: tuple[Watcher, ...]) -> Goal:
    """Return the goal of a figure by name, short or as in the log: lower is better unless a watcher says otherwise."""
    for watcher in watchers:
        name = getattr(watcher, "labels", {}).get(name, name)
    return Goal(name, patience, any(name in getattr(watcher, "higher_is_better", ()) for watcher in watchers))
