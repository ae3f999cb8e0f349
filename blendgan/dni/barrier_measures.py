"""The barriers between networks, measured on a few pictures: the sweep behind `dni correlation --images`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from blendgan.dni.degradation import clean_files
from blendgan.dni.network_files import NetworkFile, open_network
from blendgan.dni.quality import open_metric
from blendgan.dni.sweep import sweep, watched
from blendgan.dni.sweep_setting import Setting
from blendgan.dni.sweep_table import Table

STEPS = 10  # of α from 0 to 1: a barrier is broad, and half the steps of a sweep find it

Watch = Callable[[int, int], None]  # how many are measured, and of how many


def measure_barriers(
    models: Sequence[str | os.PathLike[str] | NetworkFile],
    images: Path,
    noise: tuple[float, ...],
    crop_px: int | None,
    watch: Watch,
) -> Table:
    """Sweep from the first network to each of the others, every network on every picture of a folder.

    Each curve of the table has its `barrier`. Raises what `open_network`, `clean_files` and `sweep` raise.
    """
    setting = Setting(noise, STEPS, crop_px, pruning="none")
    networks = [open_network(model) for model in models]
    return watched(sweep(networks, clean_files(images), open_metric("psnr"), setting), watch)
