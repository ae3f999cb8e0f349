"""One curve of a sweep on its way: two networks, one level of noise, pictures one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from statistics import fmean

from torch import Tensor

from blendgan.dni.barrier import Loss, barrier_of
from blendgan.dni.bench import Bench, mean_of_pixels, output
from blendgan.dni.degradation import CleanFile, degrade, enlarged, pattern_seed, read_clean
from blendgan.dni.quality import Metric, mse
from blendgan.dni.race import ANCHORS, beaten, rungs
from blendgan.dni.sweep_journal import SweepJournal
from blendgan.dni.sweep_setting import Dropped, Measured, Setting
from blendgan.dni.sweep_table import Curve, Point
from blendgan.restoration.restorer import Restorer

BLOCK = 8  # pictures in memory at a time


class Count:
    """How much is done, and of how much."""

    def __init__(self, total: int) -> None:
        self.done, self.total = 0, total


class _Shot:
    """A clean picture and what the networks are given of it, read when asked for."""

    def __init__(self, file: CleanFile, bench: Bench, noise: float, setting: Setting) -> None:
        self.file, self._bench, self._noise, self._setting = file, bench, noise, setting

    @cached_property
    def clean(self) -> Tensor:
        """[1, C, H, W]."""
        return read_clean(self.file, self._bench.channels, self._bench.scale, self._setting.crop_px)

    @cached_property
    def given(self) -> Tensor:
        """[1, C, H / scale, W / scale]."""
        return degrade(self.clean, self._bench.scale, self._noise, pattern_seed(self._setting.seed, self.file))


class Course:
    """One curve on its way: which α's are left, and what each has seen, picture by picture, in the order of `files`."""

    def __init__(
        self,
        bench: Bench,
        noise: float,
        files: Sequence[CleanFile],
        setting: Setting,
        metric: Metric,
        journal: SweepJournal,
        count: Count,
    ) -> None:
        self.bench, self.noise, self.files, self.setting = bench, noise, files, setting
        self.metric, self.journal, self.count = metric, journal, count
        self.left = list(setting.alphas)
        self.seen: dict[float, list[tuple[float, ...]]] = {alpha: [] for alpha in self.left}  # (metric, loss) each
        # (metric and loss of what was given, metric of the mean of pixels at each α), for each picture
        self.grounds: list[tuple[float, ...]] = []

    def run(self) -> Iterator[Measured | Dropped]:
        start = 0
        for rung in rungs(len(self.files)) if self.setting.pruning == "race" else (len(self.files),):
            for first in range(start, rung, self._block):
                yield from self._see(self.files[first : min(first + self._block, rung)])
            start = rung
            if rung < len(self.files):
                yield from self._drop(rung)

    @property
    def _block(self) -> int:
        return BLOCK if self.setting.crop_px else 1  # whole pictures may be large

    def _see(self, files: Sequence[CleanFile]) -> Iterator[Measured]:
        """All networks that are left see some pictures, the ends first: their outputs are needed for the mean."""
        shots = [_Shot(file, self.bench, self.noise, self.setting) for file in files]
        for shot in shots:
            self.grounds.append(self._ground(shot))
        for alpha in self.left:
            network: Restorer | None = None
            for shot in shots:
                key = self._key(shot, f"{alpha:g}")
                figures = self.journal.get(key, 2)
                if figures is None:
                    network = network or self.bench.network(alpha)
                    figures = self._judge(output(network, shot.given), shot.clean)
                    self.journal.put(key, figures)
                self.seen[alpha].append(figures)
                self.count.done += 1
                yield Measured(
                    self.count.done, self.count.total, *self.bench.labels, self.noise, alpha,
                    shot.file.name, figures[0],
                )  # fmt: skip

    def _ground(self, shot: _Shot) -> tuple[float, ...]:
        """What the networks between are compared with; the outputs of the ends are made once."""
        found = self.journal.get(self._key(shot, "ground"), 2 + len(self.setting.alphas))
        if found is not None and all(self.journal.get(self._key(shot, end), 2) for end in ("0", "1")):
            return found
        ends = [output(restorer, shot.given) for restorer in self.bench.restorers]
        for end, picture in zip(("0", "1"), ends, strict=True):
            self.journal.put(self._key(shot, end), self._judge(picture, shot.clean))
        ground = self._judge(enlarged(shot.given, self.bench.scale), shot.clean)
        means = (mean_of_pixels(ends, alpha) for alpha in self.setting.alphas)
        ground = (*ground, *(self.metric.measure(mean, shot.clean) for mean in means))
        self.journal.put(self._key(shot, "ground"), ground)
        return ground

    def _judge(self, picture: Tensor, clean: Tensor) -> tuple[float, ...]:
        return self.metric.measure(picture, clean), mse(picture, clean)

    def _key(self, shot: _Shot, what: str) -> str:
        networks = f"{self.bench.a.fingerprint} {self.bench.b.fingerprint}"
        return f"{networks} noise {self.noise!r} picture {shot.file.sha256} {what}"

    def _drop(self, rung: int) -> Iterator[Dropped]:
        dropped = beaten({alpha: [one[0] for one in self.seen[alpha]] for alpha in self.left}, self.metric)
        if dropped:
            self.left = [alpha for alpha in self.left if alpha not in dropped]
            self.count.total -= len(dropped) * (len(self.files) - rung)
            yield Dropped(*self.bench.labels, self.noise, dropped, rung)

    def curve(self) -> Curve:
        points = tuple(self._point(index, alpha) for index, alpha in enumerate(self.setting.alphas))
        losses = [self._loss(point) for point in points]
        given = fmean(ground[0] for ground in self.grounds)
        a, b = self.bench.labels
        is_repaired = self.bench.mend is not None
        return Curve(a, b, self.noise, len(self.files), given, points, barrier_of(losses), self.metric, is_repaired)

    def _point(self, index: int, alpha: float) -> Point:
        seen = self.seen[alpha]
        value = fmean(one[0] for one in seen) + self._shift(alpha, len(seen))
        pixels = fmean(ground[2 + index] for ground in self.grounds)
        return Point(alpha, value, pixels, fmean(one[1] for one in seen), len(seen))

    def _shift(self, alpha: float, count: int) -> float:
        """By how much all pictures differ from the first ones, by the networks around α that saw them all."""
        low, high = (ANCHORS[0], ANCHORS[1]) if alpha <= ANCHORS[1] else (ANCHORS[1], ANCHORS[2])
        by_low, by_high = (self._mean(end) - self._mean(end, count) for end in (low, high))
        return by_low + (by_high - by_low) * (alpha - low) / (high - low)

    def _mean(self, alpha: float, count: int | None = None) -> float:
        return fmean(one[0] for one in self.seen[alpha][:count])

    def _loss(self, point: Point) -> Loss:
        """On the pictures that this network saw."""
        by_a, by_b = (fmean(one[1] for one in self.seen[end][: point.pictures]) for end in (0.0, 1.0))
        given = fmean(ground[1] for ground in self.grounds[: point.pictures])
        return Loss(point.alpha, point.loss, by_a, by_b, given)
