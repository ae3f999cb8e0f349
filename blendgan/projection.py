"""Photo -> faces -> latents: what `blendgan project` does, and the first half of toonify."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Union

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from blendgan import __version__
from blendgan.faces import ALL, Selection, align_faces, crops
from blendgan.images import from_uint8, grid, to_pictures
from blendgan.sources import open_source
from projector.alignment import AlignedFace
from projector.curvature import Curvature
from projector.curvature_files import curvature_for
from projector.encoders import Encoder, encoder_for, load_encoder, require_family
from projector.latent import Latent, family, require_generator
from projector.optimise import CURVED, REFINEMENT, ProjectionConfig, ProjectionStep, project
from projector.photo import Photo, photo_from_image, read_photo
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_discriminator, load_generator

PhotoLike = Union[str, "os.PathLike[str]", Image.Image]
Watcher = Callable[[ProjectionStep], None]  # told after every step of a projection, for a progress bar
NO_ENCODER = "none"
FACES_AT_ONCE = 8  # in one search: more are no faster each, and at 1024 px each takes 1 GB


@dataclass(frozen=True, eq=False)
class Projection:
    """The faces of a photo, their latent, and the pictures that the latent gives; from left to right."""

    faces: tuple[AlignedFace, ...]
    latent: Latent
    pictures: tuple[Image.Image, ...]


@dataclass(frozen=True, eq=False)
class Finder:
    """What finds latents: the generator that they are of, and what helps, where it is there."""

    generator: Generator
    discriminator: Discriminator | None = None
    encoder: Encoder | None = None
    curvature: Curvature | None = None

    @property
    def config(self) -> ProjectionConfig:
        """How to search where nothing is said: shortly, where an encoder gives the start."""
        if self.encoder is not None:
            return REFINEMENT
        return ProjectionConfig() if self.curvature is None else CURVED

    def config_of(self, steps: int | None) -> ProjectionConfig:
        """The same in so many steps; None is as many as it has."""
        return self.config if steps is None else replace(self.config, steps=steps)


def finder_of(model: ModelLike, encoder: str | None = None, device: torch.device | None = None) -> Finder:
    """Load what finds latents of a model (path, name or Checkpoint); device None is the CPU.

    `encoder`: a file's path or a shipped name; None takes the shipped one that belongs to the model, if there is one,
    and "none" does without. Raises what loading raises, and WrongGenerator for an encoder of another model.
    """
    checkpoint = open_source(model).checkpoint
    discriminator = load_discriminator(checkpoint).to(device) if checkpoint.discriminator else None
    generator = load_generator(checkpoint).to(device)
    curvature = None if discriminator is None else known_curvature(generator)
    return Finder(generator, discriminator, chosen_encoder(encoder, generator), curvature)


def known_curvature(generator: Generator) -> Curvature | None:
    """Return the shipped curvature of a generator's family where the generator is, if there is one that fits."""
    found = curvature_for(family(generator))
    return found.to(generator.device) if found is not None and found.fits(generator) else None


def chosen_encoder(encoder: str | None, generator: Generator) -> Encoder | None:
    """Return the encoder that `finder_of` means, where the generator is."""
    if encoder == NO_ENCODER:
        return None
    mappings = family(generator)
    if encoder is None:  # a model grown from the encoder's own is of its family, and has more styles
        shipped = encoder_for(mappings)
        return shipped.to(generator.device) if shipped is not None and shipped.fits(generator) else None
    found = require_family(load_encoder(encoder), encoder, mappings)
    found.require(generator)
    return found.to(generator.device)


def project_photo(
    photo: PhotoLike,
    finder: Finder,
    selection: Selection = ALL,
    config: ProjectionConfig | None = None,
    watch: Watcher | None = None,
) -> Projection:
    """Find the latent of a photo's chosen faces. Raises NoFaceFound, InputError."""
    name, opened = open_photo(photo)
    faces = align_faces(opened, name, selection, crop_size(finder.generator))
    latent = project_faces(faces, finder, config, watch)
    return Projection(tuple(faces), latent, tuple(to_pictures(draw(finder.generator, latent))))


def projection_sheet(projection: Projection) -> Image.Image:
    """A row for each face: aligned | projected."""
    rows = zip(crops(projection.faces), projection.pictures, strict=True)
    return grid({f"face {i + 1}": row for i, row in enumerate(rows)}, columns=["aligned", "projected"])


def project_faces(
    faces: Sequence[AlignedFace], finder: Finder, config: ProjectionConfig | None = None, watch: Watcher | None = None
) -> Latent:
    """Project aligned faces into one latent; `watch` is told of every step. Raises InputError where none was made."""
    search = search_faces(faces, finder, config)
    for event in search:
        if isinstance(event, Latent):
            return event
        if watch is not None:
            watch(event)
    raise InputError("projection: no steps were made; expected at least 1")


def search_faces(
    faces: Sequence[AlignedFace], finder: Finder, config: ProjectionConfig | None = None
) -> Iterator[ProjectionStep | Latent]:
    """Yield every step of the search for the latent of aligned faces, and last the latent.

    Some faces at a time, so that a crowd takes the memory of a few: the steps count anew for each FACES_AT_ONCE. Who
    stops asking stops the search. Raises InputError where no steps were made.
    """
    config = config or finder.config
    lasts = []
    for i in range(0, len(faces), FACES_AT_ONCE):
        last = None
        for last in _steps_of(faces[i : i + FACES_AT_ONCE], finder, config):
            yield last
        if last is None:
            raise InputError("projection: no steps were made; expected at least 1")
        lasts.append(last)
    yield _latent_of(faces, finder, config, lasts)


def _latent_of(
    faces: Sequence[AlignedFace], finder: Finder, config: ProjectionConfig, steps: Sequence[ProjectionStep]
) -> Latent:
    metadata = {
        "version": __version__,
        "space": config.space,
        "steps": config.steps,
        "encoder": finder.encoder is not None,
        "distances": [round(float(d), 5) for step in steps for d in step.distances],
        "quads": [face.quad.tolist() for face in faces],
    }
    noise = {layer: torch.cat([step.noise[layer] for step in steps]).cpu() for layer in steps[0].noise}
    w = torch.cat([step.w for step in steps]).cpu()
    return Latent(w, finder.generator.mapping_fingerprint, noise, metadata)


def _steps_of(faces: Sequence[AlignedFace], finder: Finder, config: ProjectionConfig) -> Iterator[ProjectionStep]:
    targets = from_uint8(np.stack([face.crop for face in faces])).to(finder.generator.device)
    start = None if finder.encoder is None else finder.encoder.encode(targets, finder.generator)
    return project(targets, finder.generator, finder.discriminator, config, start=start, curvature=finder.curvature)


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


def open_photo(photo: PhotoLike) -> tuple[str, Photo]:
    """Return a name for messages, and the photo. Raises InputError for a file that is no picture."""
    if isinstance(photo, Image.Image):
        return "photo", photo_from_image(photo)
    return Path(photo).name, read_photo(photo)


def crop_size(generator: Generator) -> int:
    """Side in px of the aligned crops that a generator draws. Raises InputError where its pictures are not square."""
    height, width = generator.config.image_size
    if height != width:
        raise InputError(
            f"projection: the model makes pictures of {width} x {height} px, expected square ones of aligned faces"
        )
    return height
