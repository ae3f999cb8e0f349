"""TensorBoard's event files of a run: its figures, and the grid of every snapshot. Needs the extra `tensorboard`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylegan2.errors import InputError


class EventFiles:
    """Writes into a folder; a step is one picture shown. Raises InputError where tensorboardX is missing."""

    def __init__(self, folder: Path, shown: int) -> None:
        """Go on after `shown` pictures: TensorBoard drops what an earlier file has beyond."""
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise InputError(
                "tensorboard: tensorboardX is not installed; pip install 'blendgan[tensorboard]', or leave it out"
            ) from error
        # Files are named by the second: a run that goes on within one would take its own earlier file's name.
        purge_step = shown + 1 if shown else None
        self._writer = SummaryWriter(str(folder), purge_step=purge_step, filename_suffix=f".{shown}")

    def add_figures(self, line: Mapping[str, Any], shown: int) -> None:
        """Add every number of a line of the log; nested ones as losses/loss_g."""
        for name, figure in _flat(line):
            self._writer.add_scalar(name, figure, shown)

    def add_picture(self, name: str, picture: Image.Image, shown: int) -> None:
        """Add a picture, and bring all to the disk."""
        self._writer.add_image(name, np.asarray(picture.convert("RGB")), shown, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Bring all to the disk and end the writer's thread."""
        self._writer.close()


def _flat(line: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}/")
        elif isinstance(value, (int, float)):
            yield f"{above}{name}", value
