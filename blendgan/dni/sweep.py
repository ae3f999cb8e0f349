"""A sweep: networks from A (α = 0) to B (α = 1), each measured on degraded pictures against the clean ones.

For every further end, B, C …, and every level of noise there is a curve over α; beside it the mean of the two ends'
outputs at the same α, and the pictures as they were given. Networks that cannot win see only some of the pictures
(`race.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from blendgan.dni.bench import Bench, open_bench
from blendgan.dni.course import Count, Course
from blendgan.dni.degradation import CleanFile, check_crop, check_noise, shuffled
from blendgan.dni.labels import labels
from blendgan.dni.network_files import NetworkFile
from blendgan.dni.quality import Metric
from blendgan.dni.repair_pictures import RepairPictures
from blendgan.dni.sweep_journal import SweepJournal
from blendgan.dni.sweep_setting import Event, Finished, Measured, Setting
from blendgan.dni.sweep_table import Table
from stylegan2.errors import InputError


def sweep(
    networks: Sequence[NetworkFile],
    files: Sequence[CleanFile],
    metric: Metric,
    setting: Setting | None = None,
    *,
    journal: Path | None = None,
    repair: RepairPictures | None = None,
    device: torch.device | None = None,
) -> Iterator[Event]:
    """Measure the networks from the first, A, to each of the others, and yield what is found, at last the whole table.

    `files` are clean pictures (`clean_files`). `journal`: a file in which figures are kept, and from which a sweep that
    was interrupted goes on. `repair`: restore the activations of the networks between on these pictures. The same
    arguments give the same figures. Raises InputError for pictures, levels and journals that cannot be used, and
    CheckpointError for networks that do not fit each other.
    """
    setting = setting or Setting()
    if not files:
        raise InputError("pictures: found none, expected clean ones to measure on")
    trials = trials_of(networks, setting.noise, repair, device)
    for bench, _ in trials:
        check_crop(setting.crop_px, bench.scale)  # before there is a journal of it
    facts = facts_of(setting, metric, repair)
    notes = SweepJournal(facts, journal)
    ordered = shuffled(files, setting.seed)
    count = Count(len(trials) * len(setting.alphas) * len(ordered))
    curves = []
    for bench, noise in trials:
        course = Course(bench, noise, ordered, setting, metric, notes, count)
        yield from course.run()
        curves.append(course.curve())
    names = tuple(file.name for file in files)
    yield Finished(Table(metric, names, facts | {"pruning": setting.pruning}, tuple(curves)))


def swept(events: Iterator[Event]) -> Table:
    """Go through a sweep to its end and return its table."""
    *_, last = events
    if not isinstance(last, Finished):
        raise InputError("sweep: found no end, expected a table; run it anew")
    return last.table


def watched(events: Iterator[Event], watch: Callable[[int, int], None]) -> Table:
    """Go through a sweep, tell `watch` how much is measured, and of how much, and return its table."""

    def seen() -> Iterator[Event]:
        for event in events:
            if isinstance(event, Measured):
                watch(event.done, event.total)
            yield event

    return swept(seen())


def trials_of(
    networks: Sequence[NetworkFile],
    noise: Sequence[float],
    repair: RepairPictures | None = None,
    device: torch.device | None = None,
) -> list[tuple[Bench, float]]:
    """Return what is measured: A with each of the others, at each level of noise.

    Raises InputError for fewer than two networks, and as `open_bench` and `check_noise`.
    """
    if len(networks) < 2:
        raise InputError(f"networks: found {len(networks)}, expected at least two: A, and one that α goes to")
    a, *others = labels([network.name for network in networks])
    benches = [
        replace(open_bench(networks[0], other, device), labels=(a, b))
        for other, b in zip(networks[1:], others, strict=True)
    ]
    trials = [(bench, level) for bench in benches for level in check_noise(noise, bench.scale)]
    if repair is None:
        return trials
    return [(replace(bench, mend=repair.mend(bench, level)), level) for bench, level in trials]


def facts_of(setting: Setting, metric: Metric, repair: RepairPictures | None) -> dict[str, Any]:
    """Return what all figures of a sweep hang on besides networks, levels and pictures, as plain values."""
    kept = {name: value for name, value in asdict(setting).items() if name not in ("noise", "pruning")}
    return {"metric": metric.name, "metric_network": metric.fingerprint, **kept} | {
        "repair": None if repair is None else repair.fingerprint
    }
