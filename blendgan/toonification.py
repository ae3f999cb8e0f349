"""Photo -> faces -> latents -> blended pictures -> photo: what `blendgan toonify` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from blendgan import __version__, recipe
from blendgan.blending import blend_sources, open_source, preset
from blendgan.faces import ALL, Selection, align_faces, crops, take_as_aligned
from blendgan.images import from_uint8, grid, to_pictures, to_uint8
from blendgan.recipe import Recipe
from projector.alignment import AlignedFace
from projector.latent import Latent, require_generator
from projector.optimise import ProjectionConfig, ProjectionStep, project
from projector.paste import paste_change, paste_face
from projector.photo import Photo, photo_from_image, read_photo, with_pixels
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_discriminator, load_generator

PhotoLike = Union[str, "os.PathLike[str]", Image.Image]
Watcher = Callable[[ProjectionStep], None]  # told after every step of a projection, for a progress bar
Pixels = NDArray[np.uint8]


def _paste_rendered(pixels: Pixels, face: AlignedFace, before: Pixels, after: Pixels) -> Pixels:
    return paste_face(pixels, face, after)


PASTES: dict[str, Callable[[Pixels, AlignedFace, Pixels, Pixels], Pixels]] = {
    "change": paste_change,
    "face": _paste_rendered,
}


@dataclass(frozen=True)
class ToonSettings:
    """How to redraw. `paste`: "change" adds the enlarged change to the photo, "face" pastes the rendered face.

    `aligned` takes the whole picture as one aligned crop, without looking for faces.
    """

    selection: Selection = ALL
    paste: str = "change"
    aligned: bool = False
    projection: ProjectionConfig = field(default_factory=ProjectionConfig)

    def __post_init__(self) -> None:
        if self.paste not in PASTES:
            raise InputError(f"paste: found {self.paste!r}, expected one of {', '.join(PASTES)}")


@dataclass(frozen=True, eq=False)
class Studio:
    """Models, loaded once for any number of photos: BASE, which faces are projected into, and the blend."""

    base: Generator
    blended: Generator
    discriminator: Discriminator | None
    recipe: Recipe  # with the models' fingerprints

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.base.device


@dataclass(frozen=True, eq=False)
class Projection:
    """The faces of a photo, their latent, and the pictures that the latent gives; from left to right."""

    faces: tuple[AlignedFace, ...]
    latent: Latent
    pictures: tuple[Image.Image, ...]


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

    def strip(self) -> Image.Image:
        """A row for each face: aligned | projected | toonified."""
        rows = zip(crops(list(self.faces)), self.projected, self.toonified, strict=True)
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
    base: ModelLike, transfer: ModelLike, blend_recipe: Recipe | None = None, device: torch.device | None = None
) -> Studio:
    """Load both models and blend them. BASE's discriminator lends its features to the projection, if it is there."""
    sources = open_source(base), open_source(transfer)
    blended = blend_sources(*sources, blend_recipe or preset(sources[1].checkpoint))
    discriminator = load_discriminator(sources[0].checkpoint) if sources[0].checkpoint.discriminator else None
    device = device or torch.device("cpu")
    return Studio(
        load_generator(sources[0].checkpoint).to(device),
        load_generator(blended).to(device),
        None if discriminator is None else discriminator.to(device),
        recipe.from_json(blended.metadata[recipe.KEY]),
    )


def toonify_photo(
    studio: Studio, photo: PhotoLike, settings: ToonSettings = ToonSettings(), watch: Watcher | None = None
) -> Toon:
    """Redraw the faces of one photo; `watch` is told of every step of the projection."""
    name, opened = _open(photo)
    faces = _faces(opened, name, studio.base, settings)
    latent = project_faces(faces, studio.base, studio.discriminator, settings.projection, watch)
    return render(studio, opened, faces, latent, settings)


def project_photo(
    photo: PhotoLike, model: ModelLike, settings: ToonSettings = ToonSettings(), watch: Watcher | None = None
) -> Projection:
    """Find the latent of a photo's chosen faces in a model (path, name or Checkpoint), on the CPU.

    Raises NoFaceFound, InputError, and what loading raises.
    """
    name, opened = _open(photo)
    source = open_source(model).checkpoint
    generator = load_generator(source)
    discriminator = load_discriminator(source) if source.discriminator else None
    faces = _faces(opened, name, generator, settings)
    latent = project_faces(faces, generator, discriminator, settings.projection, watch)
    return Projection(tuple(faces), latent, tuple(to_pictures(draw(generator, latent))))


def projection_sheet(projection: Projection) -> Image.Image:
    """A row for each face: aligned | projected."""
    rows = zip(crops(list(projection.faces)), projection.pictures, strict=True)
    return grid({f"face {i + 1}": row for i, row in enumerate(rows)}, columns=["aligned", "projected"])


def project_faces(
    faces: list[AlignedFace],
    generator: Generator,
    discriminator: Discriminator | None,
    config: ProjectionConfig,
    watch: Watcher | None = None,
) -> Latent:
    """Project aligned faces, all at once, into one latent."""
    targets = from_uint8(np.stack([face.crop for face in faces])).to(generator.device)
    last = None
    for last in project(targets, generator, discriminator, config):
        if watch is not None:
            watch(last)
    if last is None:
        raise InputError("projection: no steps were made; expected at least 1")
    metadata = {
        "version": __version__,
        "space": config.space,
        "steps": config.steps,
        "distances": [round(float(d), 5) for d in last.distances],
        "quads": [face.quad.tolist() for face in faces],
    }
    noise = {layer: value.cpu() for layer, value in last.noise.items()}
    return Latent(last.w.cpu(), generator.mapping_fingerprint, noise, metadata)


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
        tuple(to_pictures(projected)), tuple(to_pictures(toonified)), studio.recipe,
    )  # fmt: skip


@torch.inference_mode()
def draw(generator: Generator, latent: Latent) -> Tensor:
    """Return a latent's pictures [faces, 3, H, W], one at a time, so that a face does not depend on its company."""
    require_generator(latent, generator)
    device = generator.device
    pictures = []
    for i, w in enumerate(latent.w):
        noise = {layer: value[i : i + 1].to(device) for layer, value in latent.noise.items()}
        pictures.append(generator.synthesis(w[None].to(device), noise=noise))
    return torch.cat(pictures)


def _open(photo: PhotoLike) -> tuple[str, Photo]:
    if isinstance(photo, Image.Image):
        return "photo", photo_from_image(photo)
    return Path(photo).name, read_photo(photo)


def _faces(photo: Photo, name: str, generator: Generator, settings: ToonSettings) -> list[AlignedFace]:
    size_px = _square_size(generator)
    if settings.aligned:
        return take_as_aligned(photo, size_px)
    return align_faces(photo, name, settings.selection, size_px)


def _square_size(generator: Generator) -> int:
    height, width = generator.config.image_size
    if height != width:
        raise InputError(
            f"toonify: the model makes pictures of {width} x {height} px, expected square ones of aligned faces"
        )
    return height


def papers(toon: Toon) -> dict[str, Any]:
    """What a picture's metadata says of how it was made."""
    return {"command": "toonify", "version": __version__, "recipe": recipe.to_json(toon.recipe)}
