"""Who watches a training run: figures against its data, and its blends with the model that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blendgan.blend_watch import BlendWatch, styles_of_photos, styles_of_seeds
from blendgan.control import Watcher
from blendgan.training import Run
from projector.optimise import ProjectionConfig
from stylegan2.errors import InputError
from stylegan2.train.data import PictureDataset
from stylegan2.train.metric_networks import open_networks
from stylegan2.train.metric_watcher import MetricWatcher


@dataclass(frozen=True)
class Watching:
    """What shall be watched: figures by name, blends at swap resolutions (px), of seeds or of a folder's photos."""

    metrics: tuple[str, ...] = ()
    swaps: tuple[int, ...] = ()
    photos: Path | None = None


def watchers_of(run: Run, pictures: PictureDataset | None, outdir: Path, watching: Watching) -> tuple[Watcher, ...]:
    """Return what watches a run: nothing by default. `pictures`: what figures compare with; None: no figures.

    Raises InputError for unknown figures, weights that are missing, swaps without layers above them, and for blends of
    a run that came from no model.
    """
    watchers: list[Watcher] = []
    if pictures is not None:
        networks = open_networks(watching.metrics, run.state.generator.device)
        watchers.append(MetricWatcher(watching.metrics, pictures, networks))
    if watching.swaps:
        watchers.append(_blend_watch(run, outdir, watching))
    return tuple(watchers)


def _blend_watch(run: Run, outdir: Path, watching: Watching) -> BlendWatch:
    if run.base is None:
        raise InputError("preview-swap: found a run that came from no model; expected a transfer, by --from MODEL")
    if watching.photos is None:
        styles = styles_of_seeds(run.base)
    else:
        styles = styles_of_photos(run.base, watching.photos, ProjectionConfig())
    return BlendWatch(run.base, watching.swaps, styles, outdir)
