"""From a photo, a main network and its tuning to the file of the restored picture: at one α, or with an α per pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from blendgan.papers import papers
from blendgan.photo_files import origin_of
from blendgan.restoration.region_map import GREYS, Levels, RegionMap, fit_mask, mixed, parse_levels, read_mask
from blendgan.restoration.restorer import Restorer, Window
from blendgan.restoration.runs import PictureRun, require_place, require_room
from blendgan.tuning.dial import Alpha
from blendgan.tuning.files import Tuned
from projector.photo import read_photo
from stylegan2.errors import InputError

NAMED = ".3f"  # how a sweep's pictures say their α
MOST_ALPHAS = 101  # of a sweep: each is a picture


@dataclass(frozen=True, eq=False)
class TunedRestorer:
    """A tuned network at one α, or under a map of α; it runs on tiles as networks do (`tiles.Restoring`)."""

    tuned: Tuned
    alpha: float | RegionMap

    @property
    def restorer(self) -> Restorer:
        """The main network, and how far the tuned one looks: layers that are added look further by what they take."""
        own = self.tuned.main.restorer
        added = self.tuned.tuning.extra_reach()
        return replace(own, reach=own.reach + added) if added else own

    def to(self, device: torch.device) -> TunedRestorer:
        """Return it after its networks moved to a device."""
        self.tuned.main.restorer.to(device)
        self.tuned.tuning.to(device)
        return self

    def run(self, pictures: Tensor, window: Window) -> Tensor:
        """Return [N, channels, sH, sW] of a piece of a picture that lies at `window`."""
        output: Tensor = self.tuned.tuning(pictures, self._alpha_in(window))
        return output

    def _alpha_in(self, window: Window) -> Alpha:
        if not isinstance(self.alpha, RegionMap):
            return self.alpha
        alphas = [torch.full((1, 1, 1, 1), alpha) for alpha in self.alpha.levels.alphas]
        positions = self.alpha.positions(window)
        return mixed([alpha.expand_as(positions) for alpha in alphas], positions)


@dataclass(frozen=True, eq=False)
class TunedRun(PictureRun):
    """A photo restored by a main network and its tuning."""

    restoring: TunedRestorer

    def papers(self) -> dict[str, Any]:
        """What the picture says of its making."""
        alpha = self.restoring.alpha
        share = alpha.to_json() if isinstance(alpha, RegionMap) else {"alpha": alpha}
        tuned = self.restoring.tuned
        said = {"tuning": {"name": Path(tuned.name).name, **tuned.to_json()}, "photo": dict(origin_of(self.photo_file))}
        return papers("tune run") | said | share


@dataclass(frozen=True)
class Shares:
    """What a command line says of α: numbers, each a picture; or a map's file with the α of its greys."""

    alphas: tuple[float, ...] = ()
    map_file: str | None = None
    levels: Levels | None = None


def shares_of(alpha: float | None, map_file: str | None, alphas: str | None, sweep: str | None) -> Shares:
    """Return α from a command line: one number, a map with (`alphas`) or without the αs of its greys, or a sweep.

    A sweep is a number of even steps' ends (5: 0, .25 … 1) or a list. Without `alphas` a map is 0 in black and `alpha`,
    or 1, in white. Raises InputError for none, or for two of them.
    """
    if map_file is not None and sweep is None:
        if alpha is not None and alphas is not None:
            raise InputError("alpha: found with --alphas, which say the shares of all greys; leave one of them out")
        levels = Levels((0, GREYS), (0.0, 1.0 if alpha is None else alpha)) if alphas is None else parse_levels(alphas)
        return Shares((), map_file, levels)
    given = [word for word, value in (("--alpha", alpha), ("--map", map_file), ("--sweep", sweep)) if value is not None]
    if alphas is not None:
        raise InputError("alphas: they are those of a map's greys; give --map, or --sweep 0,.5,1")
    if len(given) != 1:
        raise InputError(
            f"alpha: found {' and '.join(given) or 'none'}, expected --alpha 0.5, --map FILE, or --sweep 5"
        )
    return Shares((alpha,) if alpha is not None else parse_sweep(str(sweep)))


def parse_sweep(text: str) -> tuple[float, ...]:
    """Return the αs of `5` (0, 0.25 … 1), or of `0,.3,1`. Raises InputError."""
    example = f"a number of αs from 2 to {MOST_ALPHAS}, or a list such as 0,.3,1"
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise InputError(f"sweep: found {text!r}, expected {example}") from error
    if len(numbers) == 1 and "." not in text:
        if not 2 <= numbers[0] <= MOST_ALPHAS:
            raise InputError(f"sweep: found {text}, expected {example}")
        count = int(numbers[0])
        return tuple(i / (count - 1) for i in range(count))
    if len(numbers) > MOST_ALPHAS or not all(0 <= number <= 1 for number in numbers):
        raise InputError(f"sweep: found {text!r}, expected {example}, each from 0 to 1")
    numbers = tuple(dict.fromkeys(numbers))
    named = {format(number, NAMED) for number in numbers}
    if len(named) < max(2, len(numbers)):
        raise InputError(f"sweep: found {text!r}, expected two αs or more, at least 0.001 apart: so they are named")
    return numbers


def prepare(
    tuned: Tuned, photo_file: Path, shares: Shares, out: Path | None = None, tile: int | None = None
) -> tuple[TunedRun, ...]:
    """Read a photo, and return a run for each α; `out` is by default photo.tuned.png beside the photo.

    A sweep's pictures have their α in the name. Raises InputError for a photo, a map or a result that cannot be, before
    any work.
    """
    target = photo_file.with_name(f"{photo_file.stem}.tuned.png") if out is None else out
    require_place(target, photo_file, [tuned.main.file.name, tuned.name])
    photo = read_photo(photo_file)
    height, width = photo.pixels.shape[:2]
    require_room(target, max(height, width) * tuned.main.restorer.scale)
    runs = []
    for alpha, name in _alphas_and_names(shares, target, height, width):
        if not isinstance(alpha, RegionMap) and not 0 <= alpha <= 1:
            raise InputError(f"alpha: found {alpha:g}, expected a number from 0 (first level) to 1 (second level)")
        runs.append(TunedRun(photo_file, photo, TunedRestorer(tuned, alpha), name, tile))
    return tuple(runs)


def _alphas_and_names(
    shares: Shares, target: Path, height: int, width: int
) -> Iterator[tuple[float | RegionMap, Path]]:
    if shares.map_file is not None and shares.levels is not None:
        yield fit_mask(read_mask(shares.map_file), shares.levels, height, width), target
    elif len(shares.alphas) == 1:
        yield shares.alphas[0], target
    else:
        for alpha in shares.alphas:
            yield alpha, target.with_name(f"{target.stem}-{alpha:{NAMED}}{target.suffix}")
