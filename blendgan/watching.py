"""Who watches a training run: figures against its data, and its blends with the model that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blendgan.blend_watch import BlendWatch, styles_of_photos, styles_of_seeds
from blendgan.control import Watcher
from blendgan.training import Run
from projector.optimise import ProjectionConfig
from stylegan2.errors import InputError
from stylegan2.train import open_dataset
from stylegan2.train.metric_figures import FIGURES
from stylegan2.train.metric_networks import open_networks
from stylegan2.train.metric_watcher import label_of, metric_watcher
from stylegan2.train.state import TrainingState


@dataclass(frozen=True)
class Watching:
    """What shall be watched: figures by name, blends at swap resolutions (px), of seeds or of a folder's photos."""

    metrics: tuple[str, ...] = ()
    swaps: tuple[int, ...] = ()
    photos: Path | None = None


@dataclass(frozen=True, eq=False)
class MetricWatch:
    """Figures of the moving average against the data; `labels` has their names as the log knows them."""

    watch: Watcher
    labels: Mapping[str, str] = field(default_factory=dict)  # dfd -> dfd/379761dc

    @property
    def higher_is_better(self) -> tuple[str, ...]:
        """Those of the figures that grow as the run gets better."""
        return tuple(label for name, label in self.labels.items() if not FIGURES[name].lower_is_better)

    def __call__(self, state: TrainingState, kimg: float) -> dict[str, float]:
        """Measure."""
        return self.watch(state, kimg)


def watchers_of(run: Run, data: Path, outdir: Path, watching: Watching) -> tuple[Watcher, ...]:
    """Return what watches a run: nothing by default.

    Raises InputError for unknown figures, weights that are missing, swaps without layers above them, and for blends of
    a run that came from no model.
    """
    watchers: list[Watcher] = []
    if watching.metrics:
        watchers.append(_metric_watch(run, data, watching.metrics))
    if watching.swaps:
        watchers.append(_blend_watch(run, outdir, watching))
    return tuple(watchers)


def _metric_watch(run: Run, data: Path, names: tuple[str, ...]) -> MetricWatch:
    networks = open_networks(names, run.state.generator.device)
    pictures = open_dataset(data, run.state.generator.config.resolution)
    return MetricWatch(metric_watcher(names, pictures, networks), {name: label_of(name, networks) for name in names})


def _blend_watch(run: Run, outdir: Path, watching: Watching) -> BlendWatch:
    if run.base is None:
        raise InputError("preview-swap: found a run that came from no model; expected a transfer, by --from MODEL")
    if watching.photos is None:
        styles = styles_of_seeds(run.base)
    else:
        styles = styles_of_photos(run.base, watching.photos, ProjectionConfig())
    return BlendWatch(run.base, watching.swaps, styles, outdir)
