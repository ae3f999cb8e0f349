"""From a photo's file and networks to the file of the restored picture."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from blendgan.dni.network_files import NetworkFile
from blendgan.papers import papers, text_of
from blendgan.photo_files import origin_of
from blendgan.picture_files import form_of, write_picture
from blendgan.restoration.mixtures import Shares, by_region, mixture
from blendgan.restoration.tiles import Pixels, Restoring, Tile, blank, count_tiles, put, restored_tiles
from projector.photo import SIXTEEN_BIT, Photo, read_photo
from stylegan2.errors import InputError

GREYS = ("1", "L", "LA", *SIXTEEN_BIT)  # Pillow's names of grey forms
ALWAYS_KEPT = "icc_profile"


@dataclass(frozen=True, eq=False)
class PictureRun(ABC):
    """One photo, what restores it, and where the picture goes. `tile`: px, None for what memory allows."""

    photo_file: Path
    photo: Photo
    restoring: Restoring
    out: Path
    tile: int | None

    @cached_property
    def total(self) -> int:
        """How many tiles there are."""
        return count_tiles(self.restoring, *self.photo.pixels.shape[:2], tile=self.tile)

    @cached_property
    def restored(self) -> Pixels:
        """The restored picture, uint8 [sH, sW, 3], as far as `tiles` has come."""
        return blank(self.restoring, self.photo.pixels)

    def tiles(self) -> Iterator[Tile]:
        """Restore tile by tile, and yield each when it is done. Raises CheckpointError where numbers become NaN."""
        for done in restored_tiles(self.restoring, self.photo.pixels, tile=self.tile):
            put(self.restored, done)
            yield done

    @abstractmethod
    def papers(self) -> dict[str, Any]:
        """What the picture says of its making."""

    def write(self, *, with_metadata: bool = True) -> Path:
        """Write the picture with the photo's EXIF and colour profile, and return its path.

        Without metadata only the profile is kept. Raises InputError where it cannot be written.
        """
        profile = self.photo.metadata if with_metadata else colour_profile(self.photo)
        said = text_of(self.papers()) if with_metadata else None
        write_picture(self.out, in_form(self.photo, self.restored), said, profile)
        return self.out


@dataclass(frozen=True, eq=False)
class Run(PictureRun):
    """A photo restored by networks, mixed."""

    networks: tuple[NetworkFile, ...]
    shares: Shares

    def papers(self) -> dict[str, Any]:
        """What the picture says of its making."""
        said = papers("dni run") | self.shares.to_json(self.networks)
        return said | {"architecture": self.restoring.restorer.architecture, "photo": dict(origin_of(self.photo_file))}


def prepare(
    networks: Sequence[NetworkFile],
    photo_file: Path,
    shares: Shares,
    out: Path | None = None,
    tile: int | None = None,
    device: torch.device | None = None,
) -> Run:
    """Read a photo and build what restores it; `out` is by default photo.restored.png beside the photo.

    Raises InputError for a photo or a result that cannot be, before any work, and as `mixture` and `by_region`.
    """
    target = photo_file.with_name(f"{photo_file.stem}.restored.png") if out is None else out
    require_place(target, photo_file, [network.name for network in networks])
    photo = read_photo(photo_file)
    height, width = photo.pixels.shape[:2]
    if shares.masking is None:
        restoring: Restoring = mixture(networks, shares.weights, shares.mending)
    else:
        restoring = by_region(networks, shares.masking, height, width, shares.mending)
    restoring.to(device or torch.device("cpu"))
    require_room(target, max(height, width) * restoring.restorer.scale)
    return Run(photo_file, photo, restoring, target, tile, tuple(networks), shares)


def require_place(out: Path, photo_file: Path, models: Sequence[str]) -> None:
    """Raise InputError for a result that would replace what is read, or that cannot be written where it should be."""
    form_of(out)
    for read in (photo_file, *map(Path, models)):
        if read.exists() and read.resolve() == out.resolve():
            raise InputError(f"{out}: would be written over {read}, which is read; choose another name with -o")
    there = next(place for place in (out.absolute().parent, *out.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{out}: cannot be written in {there}; choose another place with -o")


def require_room(out: Path, longest_px: int) -> None:
    """Raise InputError for a result whose longer side is more than the form of its name can hold."""
    if longest_px > form_of(out).largest_px:
        raise InputError(
            f"{out}: found a result of {longest_px} px on its longer side, {form_of(out).name} holds at most "
            f"{form_of(out).largest_px}; write .png"
        )


def colour_profile(photo: Photo) -> dict[str, bytes]:
    """What of a photo's metadata a picture without any keeps: its colours would be others."""
    return {name: value for name, value in photo.metadata.items() if name == ALWAYS_KEPT}


def in_form(photo: Photo, pixels: Pixels) -> Image.Image:
    """The picture with the photo's transparency; of a grey photo a grey one."""
    if photo.alpha is None:
        is_grey = photo.mode in GREYS and not photo.icc_profile
        return Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if is_grey else pixels)
    image, alpha = Image.fromarray(pixels), Image.fromarray(photo.alpha)
    image.putalpha(alpha if alpha.size == image.size else alpha.resize(image.size, Image.Resampling.BICUBIC))
    return image
