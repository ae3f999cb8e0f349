"""The pictures on which networks between others have their activations restored (`repair.py`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blendgan.dni.bench import Bench, Mend
from blendgan.dni.degradation import (
    CleanFile,
    check_noise,
    clean_files,
    degrade,
    middle,
    pattern_seed,
    read_clean,
    shuffled,
)
from blendgan.dni.repair import Repairer
from blendgan.restoration.restorer import Restorer
from stylegan2.errors import InputError

# Statistics of 64 channels at 16 crops of 96 px: 150 000 numbers each, in 38 MB.
MOST_PICTURES = 16
CROP_PX = 96


@dataclass(frozen=True)
class RepairPictures:
    """Clean pictures: of each the middle is taken, and made worse as a sweep does it."""

    files: tuple[CleanFile, ...]
    seed: int = 0

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what results hang on."""
        return hashlib.sha256(" ".join([str(self.seed), *(file.sha256 for file in self.files)]).encode()).hexdigest()

    def given(self, channels: int, scale: int, noise: float) -> Tensor:
        """Return what a network is given of them at a level of noise, of 255: [N, C, H, W], one size for all."""
        given = [self._given(file, channels, scale, noise) for file in self.files]
        height, width = (min(one.shape[axis] for one in given) for axis in (-2, -1))
        return torch.cat([middle(one, height, width) for one in given])

    def _given(self, file: CleanFile, channels: int, scale: int, noise: float) -> Tensor:
        clean = read_clean(file, channels, scale, CROP_PX * scale)
        return degrade(clean, scale, noise, pattern_seed(self.seed, file))

    def repairer(self, parents: Sequence[Restorer], noise: float) -> Repairer:
        """Return what restores networks between these, at a level of noise."""
        given = self.given(parents[0].channels, parents[0].scale, noise)
        return Repairer(parents, given.to(parents[0].device))

    def mend(self, bench: Bench, noise: float) -> Mend:
        """Return what restores a network between the two of a bench, by its α."""
        repairer = self.repairer(bench.restorers, noise)
        return lambda between, alpha: repairer.repair(between, (1 - alpha, alpha)).restorer


def repair_pictures(folder: Path, seed: int = 0) -> RepairPictures:
    """Return at most 16 pictures of a folder, drawn by seed and contents. Raises InputError where there are none."""
    return RepairPictures(shuffled(clean_files(folder), seed)[:MOST_PICTURES], seed)


@dataclass(frozen=True)
class Mending:
    """A repair at one level of noise, as a command line asks for it: `noise` has one level, or none for none."""

    pictures: RepairPictures
    noise: tuple[float, ...] = ()

    def level(self, scale: int) -> float:
        """Return the level, of 255. Raises InputError for none where networks do not enlarge, and for several."""
        if len(levels := check_noise(self.noise, scale)) > 1:
            raise InputError(f"noise: found {len(levels)} levels, expected one, which the network is to be used for")
        return levels[0]

    def repairer(self, parents: Sequence[Restorer]) -> Repairer:
        """Return what restores networks between these."""
        return self.pictures.repairer(parents, self.level(parents[0].scale))

    def to_json(self) -> dict[str, Any]:
        """What a result says of it: the pictures' fingerprint, how many, and the level of noise."""
        return {"pictures": self.pictures.fingerprint, "count": len(self.pictures.files), "noise": list(self.noise)}


def mending_of(folder: Path | None, noise: tuple[float, ...]) -> Mending | None:
    """Return what `--repair DIR --noise SIGMA` asks for; None without a folder. Raises InputError for noise alone."""
    if folder is None:
        if noise:
            raise InputError("noise: found without --repair DIR, whose pictures it is for; leave it out")
        return None
    return Mending(repair_pictures(folder), noise)
