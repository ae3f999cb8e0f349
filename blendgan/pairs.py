"""(real, toon) pairs for training from picture to picture: one latent, drawn by BASE and by the blend.

Seeds are tried one after the other, each drawn and judged alone, so the same settings give the same pairs, however
often the work was interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from blendgan import __version__, recipe
from blendgan.duplicates import Gallery, impression_of
from blendgan.images import to_pictures
from blendgan.licences import UNSTATED, strictest
from blendgan.pair_folder import LAYOUTS, SAVED_AS, PairFolder, counts
from blendgan.pair_scores import REASONS, Judge, Limits, Thresholds
from blendgan.projection import draw
from blendgan.rendering import Renderer, Setting, renderer_of
from blendgan.toonification import Studio
from projector.latent import Latent
from stylegan2.errors import InputError

FORMAT = "blendgan pairs 1"
TRIES, MORE_TRIES = 10, 100  # seeds for each pair that is asked for, and for all together: past them filters are amiss
LARGEST_PX = 4096


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made. `size_px`: their side; None is the model's. `ending`: png, jpg or webp."""

    truncation_psi: float = 0.7  # the customary trade of variety for quality
    class_index: int | None = None
    layout: str = "folders"
    ending: str = "png"
    size_px: int | None = None
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        for name, known in (("layout", LAYOUTS), ("ending", tuple(SAVED_AS))):
            if getattr(self, name) not in known:
                raise InputError(f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.size_px is not None and not 1 <= self.size_px <= LARGEST_PX:
            raise InputError(f"size: found {self.size_px}, expected 1 … {LARGEST_PX} px")


@dataclass(frozen=True)
class Tried:
    """After each seed: how many pairs there are; why this one was left out, a key in REASONS, None where it is kept."""

    seed: int
    kept: int
    fault: str | None


class PairMaker:
    """Draws and judges the pair of a seed."""

    def __init__(self, studio: Studio, settings: PairSettings) -> None:
        self.studio, self.settings = studio, settings
        setting = Setting(settings.truncation_psi, settings.class_index, device=studio.device)
        self.renderer: Renderer = renderer_of(studio.base, setting)
        self.judge = Judge(studio.finder.discriminator, settings.limits, self.renderer.label)

    @torch.inference_mode()
    def draw(self, seed: int) -> tuple[Tensor, Tensor]:
        """Return the real picture and the toon [1, 3, H, W]. Raises WrongGenerator where both take other latents."""
        latent = Latent(self.renderer.styles_of([seed]), self.studio.base.mapping_fingerprint)
        return draw(self.studio.base, latent), draw(self.studio.blended, latent)

    def pictures(self, pair: tuple[Tensor, Tensor]) -> tuple[Image.Image, Image.Image]:
        """Return both pictures at the size that is wanted."""
        real, toon = (to_pictures(picture)[0] for picture in pair)
        if self.settings.size_px is None:
            return real, toon
        size = (round(real.width * self.settings.size_px / real.height), self.settings.size_px)
        return real.resize(size, Image.Resampling.LANCZOS), toon.resize(size, Image.Resampling.LANCZOS)


def make_pairs(
    studio: Studio, settings: PairSettings, place: Path, count: int | None, seeds: Sequence[int] = ()
) -> Iterator[Tried]:
    """Fill a folder up to `count` pairs from the seeds 0, 1, …; count None: with all that are good of `seeds`.

    Yields after each seed. A folder that was begun with the same settings is continued. Raises InputError for one of
    other settings, and where the seeds end before `count` pairs are there; what was made stays.
    """
    maker = PairMaker(studio, settings)
    folder = PairFolder(place, _said(studio, settings), settings.layout, settings.ending)
    stream = seeds if count is None else range(TRIES * count + MORE_TRIES)
    yield from _fill(folder, maker, [seed for seed in stream if seed not in folder.tried], count)
    if folder.count:
        folder.write_sheet()
    folder.write_readme(_readme(folder, studio, settings))
    if count is not None and folder.count < count:
        raise InputError(
            f"{place}: found {folder.count} good pairs in {len(stream)} seeds, expected {count} "
            f"({told(folder.reasons)}); loosen --face or --worst, lower --trunc, or take a better model"
        )


def _fill(folder: PairFolder, maker: PairMaker, seeds: Sequence[int], count: int | None) -> Iterator[Tried]:
    gallery = Gallery()
    for real in folder.reals():
        gallery.add(impression_of(real))
    thresholds: Thresholds | None = None
    for seed in seeds:
        if count is not None and folder.count >= count:
            return
        thresholds = thresholds or maker.judge.thresholds(maker.draw)  # not before there is something to judge
        fault = _try(folder, maker, gallery, thresholds, seed)
        yield Tried(seed, folder.count, fault)


def _try(folder: PairFolder, maker: PairMaker, gallery: Gallery, thresholds: Thresholds, seed: int) -> str | None:
    """Draw one pair, and keep it or say why not."""
    pair = maker.draw(seed)
    scores = maker.judge.scores(*pair)
    real, toon = maker.pictures(pair)
    duplicates = maker.settings.limits.duplicates
    fault = maker.judge.fault(scores, thresholds)
    if fault is None and duplicates is not None and gallery.holds(impression_of(real), duplicates):
        fault = "copy"
    if fault is not None:
        folder.reject(seed, fault)
        return fault
    folder.keep({"seed": seed, "psi": maker.settings.truncation_psi, **asdict(scores)}, real, toon)
    gallery.add(impression_of(folder.read(folder.count - 1)[0]))  # as a later run finds it: JPEGs differ a little
    return None


def told(reasons: Counter[str]) -> str:
    """Say how many seeds were left out, and why."""
    return ", ".join(f"{reasons[key]} {words}" for key, words in REASONS.items() if reasons[key]) or "none left out"


# ---- what the folder says of itself -----------------------------------------------------------------------------


def _said(studio: Studio, settings: PairSettings) -> dict[str, Any]:
    """All that the pairs depend on, as plain JSON values."""
    said = {"format": FORMAT, "version": __version__, **asdict(settings), recipe.KEY: recipe.to_json(studio.recipe)}
    return said | ({} if studio.mask is None else {"mask": dict(studio.mask)})


def _readme(folder: PairFolder, studio: Studio, settings: PairSettings) -> str:
    models = [studio.recipe.base, *(transfer.model for transfer in studio.recipe.transfers)]
    names = ", ".join(Path(model.name).name for model in models if model is not None)
    licence = strictest(one.get("licence") for one in (studio.base.metadata, studio.blended.metadata)) or UNSTATED
    return README.format(
        count=folder.count, names=names, psi=settings.truncation_psi, left_out=told(folder.reasons), licence=licence,
        attributions="\n".join(f"- {text}" for text in _attributions(studio)), version=__version__,
    )  # fmt: skip


def _attributions(studio: Studio) -> list[str]:
    """What BASE and each TRANSFER ask to be said of their sources, each once."""
    inputs = studio.blended.metadata.get("lineage", {}).get("blend", [])
    found = [one["attribution"] for one in inputs if isinstance(one.get("attribution"), str)]
    return list(dict.fromkeys(found)) or ["They name none."]


README = """# Pairs for training from picture to picture

{count} pairs, each one latent drawn twice: by the model of photographs (real), and by a blend (toon). The faces
are drawn, not photographed. Made by blendgan {version} from {names}, at truncation psi {psi}.
Seeds left out: {left_out}.

`index.csv` has the seed and scores of each pair, `rejected.csv` the seeds that were left out, `pairs.json` models,
recipe and settings.

## Licence

The models are under {licence}; keep to it with the pairs, and with what is made of them. The models' sources:

{attributions}
"""


def summary(place: Path) -> str:
    """Say in a line what a folder of pairs holds."""
    kept, reasons = counts(place)
    return f"{kept} pairs, {told(reasons)}"
