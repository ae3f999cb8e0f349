"""Photo -> faces -> latents -> blended pictures -> photo: what `blendgan toonify` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from blendgan import recipe
from blendgan.blending import blend_models, preset
from blendgan.faces import ALL, Selection, align_faces, crops
from blendgan.images import grid, to_pictures
from blendgan.papers import papers
from blendgan.pasting import PASTES, in_colours_of_photo, layers_of, starts_of
from blendgan.personal import AnyWatcher, Change, change_for, with_change
from blendgan.projection import Finder, PhotoLike, crop_size, draw, finder_of, open_photo, project_faces
from blendgan.recipe import Recipe
from blendgan.recipe_schema import from_json
from blendgan.sources import Source, open_source
from blendgan.spatial import Masking, SpatialPair
from blendgan.swap_grid import SwapGrid
from projector.alignment import AlignedFace
from projector.latent import Latent, in_half
from projector.layer import Ground
from projector.optimise import ProjectionConfig
from projector.paste import compose
from projector.photo import Photo
from projector.tuning import TuningConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_generator

if TYPE_CHECKING:
    from blendgan.blend_search import BlendSearcher


@dataclass(frozen=True)
class ToonSettings:
    """How to redraw. `paste`: "change" adds the enlarged change to the photo, "face" pastes the rendered face.

    `detail` in [0, 1]: how much of the photo's fine texture stays, None is as PASTES has it. `match_colour`: the
    rendered face takes the colours' mean and deviation from what it is drawn after.
    """

    selection: Selection = ALL
    paste: str = "change"
    projection: ProjectionConfig | None = None  # None: as suits what finds the latents,
    steps: int | None = None  # in so many steps
    tuning: TuningConfig | None = None  # of BASE, to the faces of each photo; None: there is none
    detail: float | None = None
    match_colour: bool = False

    def __post_init__(self) -> None:
        if self.paste not in PASTES:
            raise InputError(f"paste: found {self.paste!r}, expected one of {', '.join(PASTES)}")
        if self.detail is not None and not 0 <= self.detail <= 1:
            raise InputError(f"detail: found {self.detail:g}, expected 0 to 1, the share of the photo's fine texture")

    def to_json(self) -> dict[str, Any]:
        """What drawing depends on, and how the latents were found; what is usual is left out."""
        said: dict[str, Any] = {
            "paste": self.paste,
            "match_colour": self.match_colour,
            "selection": str(self.selection),
        }
        optional: dict[str, Any] = {
            "detail": self.detail,
            "steps": self.projection.steps if self.projection else self.steps,
            "tune": self.tuning.steps if self.tuning else None,
        }
        return said | {key: value for key, value in optional.items() if value is not None}

    def kept_detail(self, mask: object) -> float:
        """The share of the fine texture that stays: beside a mask all, so that nothing but its region changes."""
        if self.detail is not None:
            return self.detail
        return 1.0 if mask is not None and self.paste == "change" else PASTES[self.paste]

    def search(self, finder: Finder) -> ProjectionConfig:
        """How latents are searched for."""
        return self.projection or finder.config_of(self.steps)


@dataclass(frozen=True, eq=False)
class Studio:
    """Models, loaded once for any number of photos: BASE, which faces are projected into, and the blend.

    With a mask `blended` is the pair of both.
    """

    finder: Finder
    blended: Generator
    recipe: Recipe  # with the models' fingerprints
    swaps: SwapGrid | None = None  # what draws a sheet of swaps, where one is wanted
    searcher: BlendSearcher | None = None  # chooses a schedule for each photo, instead of the recipe's

    @property
    def base(self) -> Generator:
        """The model into which faces are projected."""
        return self.finder.generator

    @property
    def mask(self) -> Mapping[str, Any] | None:
        """What metadata says of the mask, if there is one."""
        return self.blended.papers() if isinstance(self.blended, SpatialPair) else None

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.base.device


@dataclass(frozen=True, eq=False)
class Toon:
    """The redrawn photo in the photo's own size and form, and how it came about; faces from left to right."""

    image: Image.Image
    profile: Mapping[str, bytes]  # the photo's own EXIF and ICC profile, as arguments of Pillow's `save`
    faces: tuple[AlignedFace, ...]
    latents: Latent  # w [faces, num_ws, w_dim]
    projected: tuple[Image.Image, ...]
    toonified: tuple[Image.Image, ...]
    recipe: Recipe
    mask: Mapping[str, Any] | None = None  # region or file, and from which resolution on
    settings: ToonSettings = ToonSettings()
    change: Change = field(default_factory=dict)  # of BASE's weights, where it was tuned to the faces
    front: Image.Image | None = None  # where a schedule was searched for: what was tried, and what was best

    def strip(self) -> Image.Image:
        """A row for each face: aligned | projected | toonified."""
        rows = zip(crops(self.faces), self.projected, self.toonified, strict=True)
        captions = [f"face {i + 1}" for i in range(len(self.faces))] if len(self.faces) > 1 else [""]
        return grid(dict(zip(captions, map(list, rows), strict=True)), columns=["aligned", "projected", "toonified"])


def toonify(
    photo: PhotoLike,
    base: ModelLike = "portraits",
    transfer: ModelLike = "paintings",
    blend_recipe: Recipe | None = None,
    settings: ToonSettings = ToonSettings(),
) -> Toon:
    """Redraw the faces of one photo (path or picture) by a blend of two models, on the CPU.

    Without a recipe, TRANSFER's own is taken. For many photos, `open_studio` once and `toonify_photo` each. Raises
    NoFaceFound, InputError for a file that is no picture, and what loading and blending raise.
    """
    return toonify_photo(open_studio(base, transfer, blend_recipe), photo, settings)


def open_studio(
    base: ModelLike,
    transfer: ModelLike | Source,
    blend_recipe: Recipe | None = None,
    device: torch.device | None = None,
    masking: Masking | None = None,
    encoder: str | None = None,
) -> Studio:
    """Load both models and blend them, without a recipe by TRANSFER's own; `masking` says where the blend replaces
    BASE, None is everywhere. BASE's discriminator lends its features to the projection, if it is there; the encoder
    is that of `projection.finder_of`.
    """
    sources = open_source(base), open_source(transfer)
    return studio_of(sources, blend_recipe or preset(sources[1].checkpoint), device, masking, encoder)


def studio_of(
    sources: Sequence[Source],
    blend_recipe: Recipe,
    device: torch.device | None = None,
    masking: Masking | None = None,
    encoder: str | None = None,
) -> Studio:
    """As `open_studio`, for BASE and any number of TRANSFERs."""
    return studio_about(finder_of(sources[0].checkpoint, encoder, device), sources, blend_recipe, masking)


def drawing_studio(
    sources: Sequence[Source], blend_recipe: Recipe, device: torch.device | None = None, masking: Masking | None = None
) -> Studio:
    """The same for latents that are known: what finds them is not loaded, so it begins sooner."""
    finder = Finder(load_generator(sources[0].checkpoint).to(device))
    return studio_about(finder, sources, blend_recipe, masking)


def studio_about(
    finder: Finder, sources: Sequence[Source], blend_recipe: Recipe, masking: Masking | None = None
) -> Studio:
    """A studio about what finds latents of BASE, on its device."""
    device = finder.generator.device
    blended = blend_models(sources, blend_recipe)
    generator = load_generator(blended).to(device)
    if masking is not None:
        generator = SpatialPair(finder.generator, generator, masking.mask, masking.from_resolution)
    return Studio(finder, generator.to(device), from_json(blended.metadata[recipe.KEY]))


def toonify_photo(
    studio: Studio, photo: PhotoLike, settings: ToonSettings = ToonSettings(), watch: AnyWatcher | None = None
) -> Toon:
    """Redraw the faces of one photo; `watch` is told of every step of the projection, and of the tuning."""
    name, opened = open_photo(photo)
    faces = align_faces(opened, name, settings.selection, crop_size(studio.base))
    latent = project_faces(faces, studio.finder, settings.search(studio.finder), watch)
    latent = in_half(latent)  # as pictures carry it: drawn again, it is the same
    change = change_for(faces, latent, studio.finder, settings.tuning, watch)
    studio, front = (studio, None) if studio.searcher is None else _best_for(studio, studio.searcher, latent)
    toon = render(with_change(studio, change), opened, faces, latent, settings)
    return replace(toon, change=change, front=front)


def _best_for(studio: Studio, searcher: BlendSearcher, latent: Latent) -> tuple[Studio, Image.Image]:
    """The studio with the blend that suits the faces best, and the picture of the search."""
    best = searcher.best(latent)
    return replace(studio, blended=best.generator, recipe=best.recipe), best.sheet


def render(studio: Studio, photo: Photo, faces: Sequence[AlignedFace], latent: Latent, settings: ToonSettings) -> Toon:
    """Draw a latent with both models and put the blend's faces where the photo's were.

    Raises WrongGenerator for a latent of another family.
    """
    projected, toonified = draw(studio.base, latent).cpu(), draw(studio.blended, latent).cpu()
    if settings.match_colour:
        toonified = in_colours_of_photo(toonified, projected, faces, settings.paste)
    starts = starts_of([Ground(face) for face in faces], projected)
    layers = layers_of(starts, toonified, settings.paste, settings.kept_detail(studio.mask))
    return Toon(
        compose(photo, layers),
        photo.metadata, tuple(faces), latent,
        tuple(to_pictures(projected)), tuple(to_pictures(toonified)), studio.recipe, studio.mask, settings,
    )  # fmt: skip


def face_to_json(face: AlignedFace) -> dict[str, Any]:
    """Return a face's place as plain values; `toon_records` reads them."""
    said: dict[str, Any] = {"quad": face.quad.tolist(), "score": round(float(face.score), 4)}
    return said if face.points is None else said | {"points": np.asarray(face.points, np.float64).tolist()}


def papers_of(toon: Toon) -> dict[str, Any]:
    """What a picture's metadata says of how it was made; faces from left to right, in px of the upright photo."""
    said = papers("toonify") | {recipe.KEY: recipe.to_json(toon.recipe)}
    said |= {"settings": toon.settings.to_json(), "faces": [face_to_json(face) for face in toon.faces]}
    return said if toon.mask is None else {**said, "mask": dict(toon.mask)}
