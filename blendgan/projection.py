"""Photo -> faces -> latents: what `blendgan project` does, and the first half of toonify."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
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
from projector.latent import Latent, require_generator
from projector.optimise import ProjectionConfig, ProjectionStep, project
from projector.photo import Photo, photo_from_image, read_photo
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import ModelLike, load_discriminator, load_generator

PhotoLike = Union[str, "os.PathLike[str]", Image.Image]
Watcher = Callable[[ProjectionStep], None]  # told after every step of a projection, for a progress bar


@dataclass(frozen=True, eq=False)
class Projection:
    """The faces of a photo, their latent, and the pictures that the latent gives; from left to right."""

    faces: tuple[AlignedFace, ...]
    latent: Latent
    pictures: tuple[Image.Image, ...]


def project_photo(
    photo: PhotoLike,
    model: ModelLike,
    selection: Selection = ALL,
    config: ProjectionConfig = ProjectionConfig(),
    watch: Watcher | None = None,
    *,
    device: torch.device | None = None,
) -> Projection:
    """Find the latent of a photo's chosen faces in a model (path, name or Checkpoint); device None is the CPU.

    Raises NoFaceFound, InputError, and what loading raises.
    """
    name, opened = open_photo(photo)
    source = open_source(model).checkpoint
    generator = load_generator(source).to(device)
    discriminator = load_discriminator(source).to(device) if source.discriminator else None
    faces = align_faces(opened, name, selection, crop_size(generator))
    latent = project_faces(faces, generator, discriminator, config, watch)
    return Projection(tuple(faces), latent, tuple(to_pictures(draw(generator, latent))))


def projection_sheet(projection: Projection) -> Image.Image:
    """A row for each face: aligned | projected."""
    rows = zip(crops(projection.faces), projection.pictures, strict=True)
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
