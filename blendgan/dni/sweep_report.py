"""A whole sweep, from names to pictures in a folder: what the command line asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from blendgan.dni.degradation import CleanFile, clean_files
from blendgan.dni.network_files import open_network
from blendgan.dni.quality import open_metric
from blendgan.dni.repair_pictures import repair_pictures
from blendgan.dni.sweep import sweep, trials_of, watched
from blendgan.dni.sweep_journal import NAME, count_kept
from blendgan.dni.sweep_picture import charts, strip
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Table
from blendgan.images import write_png
from stylegan2.checkpoints.atomic import remove_leftovers
from stylegan2.errors import InputError

CHART, STRIP = "sweep.png", "sweep-strip.png"
Watch = Callable[[int, int], None]  # how many are measured, and of how many


@dataclass(frozen=True)
class Request:
    """Which networks, A first, on which folder of clean pictures, by what; `force` leaves an earlier journal aside."""

    networks: tuple[str, ...]
    images: Path
    outdir: Path
    metric: str = "psnr"
    setting: Setting = Setting()
    repair: Path | None = None
    vgg: Path | None = None
    force: bool = False
    device: torch.device = torch.device("cpu")


@dataclass(frozen=True)
class Found:
    """What was found, the pictures that show it, and how many lines of the journal an earlier run had left."""

    table: Table
    pictures: tuple[Path, ...]
    kept: int = 0


def find(request: Request, watch: Watch) -> Found:
    """Sweep, with a journal in the request's folder, and write chart and strip there.

    Raises what `sweep`, `open_network`, `clean_files` and `open_metric` raise, and InputError for a folder that cannot
    be written.
    """
    networks = [open_network(name) for name in request.networks]
    files, metric = _pictures(request), open_metric(request.metric, request.vgg)
    repair = None if request.repair is None else repair_pictures(request.repair, request.setting.seed)
    journal = _journal(request)
    kept = count_kept(journal)
    events = sweep(networks, files, metric, request.setting, journal=journal, repair=repair, device=request.device)
    table = watched(events, watch)
    trials = trials_of(networks, request.setting.noise, repair, request.device)
    paths = request.outdir / CHART, request.outdir / STRIP
    write_png(paths[0], charts(table))
    write_png(paths[1], strip(trials, table, request.setting, files[0]))
    return Found(table, paths, kept)


def _pictures(request: Request) -> tuple[CleanFile, ...]:
    """Those of the folder, without what an earlier sweep drew into it."""
    ours = {(request.outdir / name).resolve() for name in (CHART, STRIP)}
    files = tuple(file for file in clean_files(request.images) if file.path.resolve() not in ours)
    if not files:
        raise InputError(f"{request.images}: found no pictures but those that a sweep drew, expected clean ones")
    return files


def _journal(request: Request) -> Path:
    path = request.outdir / NAME
    if request.force:
        path.unlink(missing_ok=True)
    remove_leftovers(request.outdir, {NAME, CHART, STRIP})
    return path
