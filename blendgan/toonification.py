"""Photo -> faces -> latents -> blended pictures -> photo: what `blendgan toonify` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from blendgan import recipe
from blendgan.blending import blend_models, preset
from blendgan.faces import ALL, Selection, align_faces, crops
from blendgan.images import grid, to_pictures, to_uint8
from blendgan.papers import papers
from blendgan.projection import Finder, PhotoLike, Watcher, crop_size, draw, finder_of, open_photo, project_faces
from blendgan.recipe import Recipe
from blendgan.recipe_schema import from_json
from blendgan.sources import Source, open_source
from blendgan.spatial import Masking, SpatialPair
from projector.alignment import AlignedFace
from projector.latent import Latent
from projector.optimise import ProjectionConfig
from projector.paste import paste_change, paste_face
from projector.photo import Photo, with_pixels
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_generator

Pixels = NDArray[np.uint8]


def _paste_rendered(pixels: Pixels, face: AlignedFace, before: Pixels, after: Pixels) -> Pixels:
    return paste_face(pixels, face, after)


PASTES: dict[str, Callable[[Pixels, AlignedFace, Pixels, Pixels], Pixels]] = {
    "change": paste_change,
    "face": _paste_rendered,
}


@dataclass(frozen=True)
class ToonSettings:
    """How to redraw. `paste`: "change" adds the enlarged change to the photo, "face" pastes the rendered face."""

    selection: Selection = ALL
    paste: str = "change"
    projection: ProjectionConfig | None = None  # None: as suits what finds the latents,
    steps: int | None = None  # in so many steps

    def __post_init__(self) -> None:
        if self.paste not in PASTES:
            raise InputError(f"paste: found {self.paste!r}, expected one of {', '.join(PASTES)}")

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
    blended = blend_models(sources, blend_recipe)
    finder, generator = finder_of(sources[0].checkpoint, encoder, device), load_generator(blended).to(device)
    if masking is not None:
        generator = SpatialPair(finder.generator, generator, masking.mask, masking.from_resolution)
    return Studio(finder, generator.to(device), from_json(blended.metadata[recipe.KEY]))


def toonify_photo(
    studio: Studio, photo: PhotoLike, settings: ToonSettings = ToonSettings(), watch: Watcher | None = None
) -> Toon:
    """Redraw the faces of one photo; `watch` is told of every step of the projection."""
    name, opened = open_photo(photo)
    faces = align_faces(opened, name, settings.selection, crop_size(studio.base))
    latent = project_faces(faces, studio.finder, settings.search(studio.finder), watch)
    return render(studio, opened, faces, latent, settings)


def render(studio: Studio, photo: Photo, faces: list[AlignedFace], latent: Latent, settings: ToonSettings) -> Toon:
    """Draw a latent with both models and put the blend's faces where the photo's were.

    Raises WrongGenerator for a latent of another family.
    """
    projected, toonified = draw(studio.base, latent), draw(studio.blended, latent)
    pixels = photo.pixels
    for face, before, after in zip(faces, to_uint8(projected), to_uint8(toonified), strict=True):
        pixels = PASTES[settings.paste](pixels, face, before, after)
    return Toon(
        with_pixels(photo, pixels),
        photo.metadata, tuple(faces), latent,
        tuple(to_pictures(projected)), tuple(to_pictures(toonified)), studio.recipe, studio.mask,
    )  # fmt: skip


def papers_of(toon: Toon) -> dict[str, Any]:
    """What a picture's metadata says of how it was made."""
    said = papers("toonify") | {recipe.KEY: recipe.to_json(toon.recipe)}
    return said if toon.mask is None else {**said, "mask": dict(toon.mask)}
