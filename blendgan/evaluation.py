"""Models, or folders of pictures, measured against a data set: one row of figures for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from blendgan.feature_cache import FeatureCache
from stylegan2.errors import InputError
from stylegan2.loading import load_generator
from stylegan2.train.data import Dataset, open_dataset
from stylegan2.train.metric_figures import FIGURES
from stylegan2.train.metric_networks import Networks
from stylegan2.train.metric_samples import Sampling, real_features
from stylegan2.train.metric_watcher import compare_features, measure, networks_of
from stylegan2.train.metrics import STATISTICS


@dataclass(frozen=True)
class Row:
    """What was measured, its side in px, how many pictures were compared with how many real ones, and its figures."""

    name: str
    size_px: int
    pictures: int
    real: int
    figures: dict[str, float]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How to measure: figures and the networks that they need, the real pictures, how many of each, where."""

    names: tuple[str, ...]
    networks: Networks
    data: Path
    sampling: Sampling = Sampling()
    device: torch.device = torch.device("cpu")
    cache: Path | None = None  # file of real features; None: none is kept

    def __post_init__(self) -> None:
        if self.sampling.num < 1 or self.sampling.batch < 1:
            raise InputError(f"num, batch: found {self.sampling.num}, {self.sampling.batch}, expected at least 1 each")


def evaluate(evaluation: Evaluation, models: Sequence[str], folders: Sequence[Path]) -> Iterator[Row]:
    """Yield a row for every model, then for every folder of pictures, each measured at its own size.

    Real pictures are brought to the size of what they are compared with: a model's resolution; for a folder, what the
    network sees. Raises InputError for folders without pictures and figures that need a generator, and what
    `load_generator` raises.
    """
    if folders and (paths := [name for name in evaluation.names if FIGURES[name].statistic not in STATISTICS]):
        raise InputError(f"{', '.join(paths)}: found a folder of pictures, expected a model; leave the figure out")
    for model in models:
        yield _model_row(evaluation, model)
    for folder in folders:
        yield _folder_row(evaluation, folder)


def _model_row(evaluation: Evaluation, model: str) -> Row:
    generator = load_generator(model).to(evaluation.device)
    size = generator.config.resolution
    if generator.config.image_channels != 3 or generator.config.image_size != (size, size):
        raise InputError(f"{model}: found a model of another kind, expected square RGB pictures; choose another")
    sampling = evaluation.sampling
    data = open_dataset(evaluation.data, size)
    real = {kind: _real(evaluation, kind, data, size) for kind in networks_of(evaluation.names)}
    figures = measure(evaluation.names, evaluation.networks, generator, data, sampling, real)
    return Row(model, size, sampling.num, min(sampling.num, len(data)), figures)


def _folder_row(evaluation: Evaluation, folder: Path) -> Row:
    size = max(evaluation.networks.features[kind].size_px for kind in networks_of(evaluation.names))
    theirs, data = open_dataset(folder, size), open_dataset(evaluation.data, size)
    real = {kind: _real(evaluation, kind, data, size) for kind in networks_of(evaluation.names)}
    fake = {kind: real_features(theirs, evaluation.networks.features[kind], evaluation.sampling) for kind in real}
    figures = compare_features(evaluation.names, evaluation.networks, real, fake)
    counts = [min(evaluation.sampling.num, len(pictures)) for pictures in (theirs, data)]
    return Row(str(folder), size, counts[0], counts[1], figures)


def _real(evaluation: Evaluation, kind: str, data: Dataset, size_px: int) -> Tensor:
    """Real features, from the cache where it has them."""
    network, sampling = evaluation.networks.features[kind], evaluation.sampling
    if evaluation.cache is None:
        return real_features(data, network, sampling)
    cache = FeatureCache(evaluation.cache)
    key = cache.key(evaluation.data, network.fingerprint, size_px, sampling.num, sampling.seed)
    return cache.get(key, lambda: real_features(data, network, sampling))
