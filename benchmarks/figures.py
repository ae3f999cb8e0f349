"""What every benchmark returns, and how it takes time: interleaved, so that a machine that slows slows all alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import torch

from blendgan import __version__


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, what it is measured against, and their ratio; `goal` is the ratio asked for."""

    figure: str
    value: str
    peer: str
    ratio: float | None
    goal: str = ""


@dataclass(frozen=True)
class Seconds:
    """Of one work: every round but those that warm up, in order."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.rounds)


def interleave(work: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1) -> dict[str, Seconds]:
    """Do each work in turn, `warm_up` + `rounds` times, and return the seconds of each."""
    return told({name: _timed(call) for name, call in work.items()}, rounds, warm_up)


def told(work: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1) -> dict[str, Seconds]:
    """The same, of works that tell their seconds themselves."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(warm_up + rounds):
        for name, call in work.items():
            taken[name].append(call())
    return {name: Seconds(tuple(seconds[warm_up:])) for name, seconds in taken.items()}


def _timed(call: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return run


def ratio(a: Seconds, b: Seconds) -> float:
    """The median over the rounds of a / b: neighbours in time see the same machine."""
    return statistics.median(x / y for x, y in zip(a.rounds, b.rounds, strict=True))


def machine() -> str:
    """What the figures were measured on."""
    has = torch.cpu.get_capabilities()
    widest = torch.backends.cpu.get_cpu_capability()
    return (
        f"{has.get('cpu_name', platform.machine())} ({widest}), {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, blendgan {__version__}, {date.today().isoformat()}"
    )
