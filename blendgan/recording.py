"""The one place that writes a run's files, in an order that a kill between any two of them does no harm to.

network-snapshot-000160.safetensors   weights after 160 kimg; fakes000160.png the same latents each time
reals.png                             some of the pictures that are learned from
base.safetensors                      the model that a transfer came from
log.jsonl, best.json                  figures, and which snapshot is the best by one of them
training-state.pt                     from which a run goes on: written last of all

Every file is whole or not there. A run that goes on from its state writes whatever was written after it once more,
the same to the bit.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from blendgan import __version__, keeping, run_log
from blendgan.control import Control
from blendgan.event_files import EventFiles
from blendgan.images import grid, to_pictures, write_png
from blendgan.rendering import Setting, draw_classes
from stylegan2.checkpoints import Checkpoint, save
from stylegan2.errors import Diverged, InputError
from stylegan2.generator import Generator
from stylegan2.ops.file_lock import locked_at_once
from stylegan2.train import Dataset, Progress, TrainingConfig, processes
from stylegan2.train.finite import require_finite_weights
from stylegan2.train.loop import batches_in, kimg_of
from stylegan2.train.snapshots import STATE_FILE, restore_state, save_state, state_to_checkpoint
from stylegan2.train.state import TrainingState

BASE_FILE = "base.safetensors"  # the model that a transfer came from: blends with it are drawn when it goes on, too
LOCK_FILE = ".lock"  # held as long as a run writes here; that it exists means nothing
LOG_KIMG = 0.5  # between lines of the log
GRID_ROWS, GRID_COLUMNS = 4, 8  # pictures of a snapshot's grid: seeds 0 … 31
GRID_PSI = 0.7  # truncation of these pictures, as the shipped models are usually drawn
MOST_ROLLBACKS = 3  # between two snapshots: numbers that fail so often with other random numbers fail by themselves
UNFINISHED = [
    f".{name}.*.part" for name in (keeping.SNAPSHOTS, "*.png", run_log.LOG_FILE, keeping.BEST_FILE, STATE_FILE)
]


@dataclass(eq=False)
class Recorder:
    """Writes what a run leaves in its folder. Of several processes only the first writes; all must call alike."""

    state: TrainingState
    config: TrainingConfig
    lineage: dict[str, Any]
    data_name: str
    folder: Path
    control: Control = Control()
    base: Checkpoint | None = None
    events: EventFiles | None = None
    rollbacks: int = 0  # since the last snapshot
    until_closed: ExitStack = field(default_factory=ExitStack)
    seconds: defaultdict[str, float] = field(
        default_factory=lambda: defaultdict(float)
    )  # spent on what, since the last line of the log

    @property
    def kimg(self) -> float:
        """How far the run is."""
        return kimg_of(self.state, self.config)

    @property
    def log(self) -> Path:
        """The run's log."""
        return self.folder / run_log.LOG_FILE

    def open(self, data: Dataset) -> None:
        """Make the folder ready: no halves of files, a log that ends where the state does, and a state to go back to.

        Raises InputError where the folder cannot be written, or no watcher knows the figure that the run is judged by.
        """
        if not processes.is_first():
            return
        self._take_folder()
        is_new = not (self.folder / STATE_FILE).exists()
        run_log.cut(self.log, -1 if is_new else self.kimg, self.state.rollbacks)
        if self.control.event_files:
            self.events = EventFiles(self.folder, self.state.batches * self.config.batch)
        if self.control.goal and not self._is_known(self.control.goal.name):
            self._watch_start(self.control.goal.name)
        if not (self.folder / "reals.png").exists():
            write_png(self.folder / "reals.png", real_grid(data, self.config.seed))
        if self.base is not None and not (self.folder / BASE_FILE).exists():
            save(self.base, self.folder / BASE_FILE)
        if is_new:
            self.save()

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.until_closed.enter_context(locked_at_once(self.folder / LOCK_FILE)):
            raise InputError(
                f"{self.folder}: another process trains there; wait for its end, or choose another --outdir"
            )
        for left in (file for pattern in UNFINISHED for file in self.folder.glob(pattern)):
            left.unlink()

    def _is_known(self, figure: str) -> bool:
        return any(figure in {**line.get("watched", {}), **line.get("figures", {})} for line in run_log.read(self.log))

    def _watch_start(self, expected: str) -> None:
        """Ask the watchers once before anything is trained: a wrong name or missing weights show now, not in hours."""
        figures = self._watch()
        if expected not in figures:
            raise InputError(f"metric: found {expected!r}, expected one of {', '.join(figures)}; choose another")
        run_log.append(self.log, {"kimg": self.kimg, "event": "start", "figures": figures})

    def record(self, progress: Progress) -> None:
        """Write what is due after a batch: a line of the log, a snapshot with all that belongs to it.

        Raises Diverged, before anything is written, where a snapshot is due and its weights are not finite.
        """
        self.seconds["data"] += progress.data_seconds
        self.seconds["step"] += progress.step_seconds
        if progress.snapshot_due:
            require_finite_weights(self.state)  # in every process, so that all go back together
            self.rollbacks = 0
        if not processes.is_first():
            return
        if progress.snapshot_due:
            self._snapshot(progress)
        elif self.state.batches % batches_in(LOG_KIMG, self.config) == 0:
            self._log(progress, {})

    def _snapshot(self, progress: Progress) -> None:
        began = time.monotonic()
        picture = self.write_weights()
        self.seconds["snapshot"] += time.monotonic() - began
        watched = self._watch() if self.control.watchers else {}
        self._log(progress, {"watched": watched} if watched else {})
        if self.events:
            self.events.add_picture("fakes", picture, self.state.batches * self.config.batch)
        self._keep()
        self.save()

    def write_weights(self) -> Image.Image:
        """Write weights and grid of the run as it stands; returns the grid."""
        checkpoint = state_to_checkpoint(self.state, self._metadata())
        save(checkpoint, self.folder / keeping.snapshot_name(self.kimg), replace=True)
        picture = sample_grid(self.state.average)
        write_png(self.folder / f"fakes{round(self.kimg):06d}.png", picture)
        return picture

    def save(self) -> None:
        """Write the state alone, from which the run goes on; between snapshots too."""
        if processes.is_first():
            save_state(self.state, self.config, self.folder, self.lineage)

    def _metadata(self) -> dict[str, Any]:
        training = {"data": self.data_name, "kimg": round(self.kimg), **asdict(self.config)}
        if self.state.rollbacks:
            training["rollbacks"] = self.state.rollbacks
        metadata = {"version": __version__, "training": training}
        licence = self.lineage.get("transfer", {}).get("licence")
        return (
            metadata | ({"lineage": self.lineage} if self.lineage else {}) | ({"licence": licence} if licence else {})
        )

    def _watch(self) -> run_log.Figures:
        began = time.monotonic()
        figures: dict[str, float] = {}
        for watcher in self.control.watchers:
            figures |= watcher(self.state, self.kimg)
        self.seconds["watchers"] += time.monotonic() - began
        return run_log.finite(figures)

    def _log(self, progress: Progress, more: dict[str, Any]) -> None:
        elsewhere = ("snapshot_due", "data_seconds", "step_seconds")
        line = {name: value for name, value in asdict(progress).items() if name not in elsewhere}
        line["gradient_norms"] = run_log.finite(progress.gradient_norms)  # a step may leave out one that overflowed
        line |= {"seconds": {name: round(spent, 3) for name, spent in self.seconds.items()}, **more}
        run_log.append(self.log, line)
        self.seconds.clear()
        if self.events:
            self.events.add_figures(line, self.state.batches * self.config.batch)

    def verdict(self) -> keeping.Verdict | None:
        """Return the best snapshot so far, None without a goal or a figure."""
        return keeping.judge(self.control.goal, run_log.history(self.log)) if self.control.goal else None

    def why_over(self) -> str | None:
        """Return the line that says why the run is to end here by its goal, None where it goes on."""
        goal = self.control.goal
        why = keeping.why_over(goal, self.verdict()) if goal and processes.is_first() else None
        if processes.is_any(why is not None, self.state.generator.device):
            return why or "the first process says that the run is over"
        return None

    def _keep(self) -> None:
        best = self.verdict()
        if best:
            keeping.record_best(self.folder, best)
        if self.control.keep:
            keeping.prune(self.folder, self.control.keep, self.kimg, best.file if best else None)

    def roll_back(self, problem: Diverged) -> str:
        """Set the run back to its saved state, to go on with other random numbers; returns a line that says so.

        Raises Diverged, with what to try, where that was done too often since the last snapshot.
        """
        self.rollbacks += 1
        restore_state(self.state, self.folder)
        processes.wait(self.state.generator.device)  # all have read it before the first writes it anew
        if self.rollbacks > MOST_ROLLBACKS:
            raise Diverged(
                f"{problem}; the run went back to {self.kimg:g} kimg {MOST_ROLLBACKS} times, with other random numbers "
                "each time. Start again from its last snapshot by --from, with a lower --lr or a higher --gamma"
            ) from problem
        self.state.rollbacks += 1
        if processes.is_first():
            run_log.cut(self.log, self.kimg, self.state.rollbacks - 1)
        self.note("rollback", {"found": str(problem), "rollbacks": self.state.rollbacks})
        self.save()
        return f"{problem}: back to {self.kimg:g} kimg, and on with other random numbers"

    def note(self, event: str, details: dict[str, Any]) -> None:
        """Add an event to the log: what happened where the run is now."""
        if processes.is_first():
            run_log.append(self.log, {"kimg": self.kimg, "event": event, **details})

    def close(self) -> None:
        """End what writes on a thread of its own, and let others have the folder."""
        if self.events:
            self.events.close()
        self.until_closed.close()


def sample_grid(generator: Generator) -> Image.Image:
    """Return a picture of faces of seeds 0 … 31, of its classes in turn."""
    setting = Setting(GRID_PSI, device=generator.device)
    return _grid_of(to_pictures(draw_classes(generator, setting, range(GRID_ROWS * GRID_COLUMNS))))


def real_grid(data: Dataset, seed: int) -> Image.Image:
    """Return a picture of as many of the data's pictures, as the seed has them first."""
    count = min(GRID_ROWS * GRID_COLUMNS, len(data))
    return _grid_of(to_pictures(data.batch(0, count, seed, mirror=False).pictures))


def _grid_of(pictures: list[Image.Image]) -> Image.Image:
    rows = [pictures[i : i + GRID_COLUMNS] for i in range(0, len(pictures), GRID_COLUMNS)]
    return grid({" " * i: row for i, row in enumerate(rows)})
