"""Figures of a generator against a data set, once or at every snapshot of a run.

names = parse_figures("dfd")
watcher = MetricWatcher(names, data, open_networks(names, device))
watcher(state, kimg)   # {"dfd/379761dc": 12.3}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from stylegan2.generator import Generator
from stylegan2.train.data import Dataset
from stylegan2.train.metric_figures import FIGURES, check_figures, labelled
from stylegan2.train.metric_networks import Networks
from stylegan2.train.metric_paths import path_length_end, path_length_full
from stylegan2.train.metric_samples import Sampling, fake_features, real_features
from stylegan2.train.metrics import STATISTICS
from stylegan2.train.state import TrainingState

PATHS = {"path-end": path_length_end, "path-full": path_length_full}
WATCHED = Sampling(num=500)  # a snapshot should not wait: enough to see a trend, too few to compare with other counts
Features = Mapping[str, Tensor]  # [N, D], by their network's name


def compare_features(names: Sequence[str], networks: Networks, real: Features, fake: Features) -> dict[str, float]:
    """Return the figures that compare two sets of features."""
    figures = {}
    for name in names:
        network, statistic = FIGURES[name].network, FIGURES[name].statistic
        if statistic in STATISTICS:
            figure = STATISTICS[statistic](real[network], fake[network])
            figures[label_of(name, networks)] = figure
    return figures


def path_lengths(
    names: Sequence[str], networks: Networks, generator: Generator, sampling: Sampling, data: Dataset | None
) -> dict[str, float]:
    """Return the figures that need the generator itself."""
    figures = {}
    for name in names:
        network, statistic = FIGURES[name].network, FIGURES[name].statistic
        if statistic in PATHS:
            figure = PATHS[statistic](generator, networks.distances[network], sampling, data)
            figures[label_of(name, networks)] = figure
    return figures


def label_of(name: str, networks: Networks) -> str:
    """`dfd` -> `dfd/379761dc`: what a figure is called where these networks see the pictures."""
    return labelled(name, networks.fingerprints[FIGURES[name].network])


def networks_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the networks whose features some figures compare: path lengths compare none."""
    return tuple(dict.fromkeys(FIGURES[name].network for name in names if FIGURES[name].statistic in STATISTICS))


def measure(
    names: Sequence[str],
    networks: Networks,
    generator: Generator,
    data: Dataset,
    sampling: Sampling = WATCHED,
    real: Features | None = None,
) -> dict[str, float]:
    """Return figures of a generator in evaluation mode; `real` spares the pass over the data."""
    compared = networks_of(names)
    if real is None:
        real = {kind: real_features(data, networks.features[kind], sampling) for kind in compared}
    fake = {kind: fake_features(generator, networks.features[kind], sampling, data) for kind in compared}
    return compare_features(names, networks, real, fake) | path_lengths(names, networks, generator, sampling, data)


class MetricWatcher:
    """Figures of a run's moving average at its snapshots; the real features are computed at the first.

    labels: the short names, and what the log calls them, dfd -> dfd/379761dc.
    """

    def __init__(self, names: Sequence[str], data: Dataset, networks: Networks, sampling: Sampling = WATCHED) -> None:
        """Raises InputError for a name that is none, here and not at the first snapshot."""
        check_figures(names)
        self.labels = {name: label_of(name, networks) for name in names}
        self._data, self._networks, self._sampling = data, networks, sampling
        self._real: dict[str, Tensor] = {}

    @property
    def higher_is_better(self) -> tuple[str, ...]:
        """Those of the figures that grow as the run gets better."""
        return tuple(label for name, label in self.labels.items() if not FIGURES[name].lower_is_better)

    def __call__(self, state: TrainingState, kimg: float) -> dict[str, float]:
        """Measure a run as it stands."""
        names, networks = tuple(self.labels), self._networks
        for kind in networks_of(names):
            if kind not in self._real:
                self._real[kind] = real_features(self._data, networks.features[kind], self._sampling)
        return measure(names, networks, state.average, self._data, self._sampling, self._real)
