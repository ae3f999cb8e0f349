"""`LivePhoto`: a photo whose faces are found and projected, redrawn by one blend after another.

Only the blend's drawing and the pasting are done anew; what is shown meanwhile may be a smaller copy of the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from blendgan.pasting import in_colours_of_photo, layers_of, starts_of
from blendgan.projection import Finder, draw
from blendgan.recipe import KEY
from blendgan.recipe_schema import from_json
from blendgan.toonification import Studio, Toon, ToonSettings, render
from projector.alignment import AlignedFace
from projector.latent import Latent
from projector.layer import Ground, Region, Start
from projector.paste import compose
from projector.photo import Photo, with_pixels
from stylegan2.generator import Generator


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of the redrawn photo: `box` is (left, top, right, bottom) in px of it."""

    box: Region
    picture: Image.Image


@dataclass(frozen=True, eq=False)
class LivePhoto:
    """A photo, its aligned faces and their latent w [faces, num_ws, w_dim], of BASE's family.

    Raises WrongGenerator, when it is drawn, for a latent of another family.
    """

    base: Generator
    photo: Photo
    faces: tuple[AlignedFace, ...]
    latent: Latent

    @cached_property
    def projected(self) -> Tensor:
        """What BASE draws of the faces: [faces, 3, H, W] in [-1, 1]."""
        return draw(self.base, self.latent).cpu()

    @cached_property
    def starts(self) -> tuple[Start, ...]:
        """What of the faces stays the same."""
        return tuple(starts_of([Ground(face) for face in self.faces], self.projected))

    def draw_face(self, blended: Generator, place: int) -> Tensor:
        """Return a blend's picture [1, 3, H, W] of one face, by its place from the left, from 0."""
        return draw(blended, one_of(self.latent, place)).cpu()

    def patches(self, toonified: Sequence[Tensor], settings: ToonSettings) -> tuple[Patch, ...]:
        """Paste what a blend drew, a picture [1, 3, H, W] for each face; returns what changed of the photo."""
        drawn = torch.cat(list(toonified))
        if settings.match_colour:
            drawn = in_colours_of_photo(drawn, self.projected, self.faces, settings.paste)
        layers = layers_of(self.starts, drawn, settings.paste, settings.kept_detail(None))
        image = compose(self.photo, layers)
        regions = [start.ground.region for start in self.starts]
        return tuple(Patch(region, image.crop(region)) for region in regions if _has_area(region))

    def toon(self, blended: Generator, settings: ToonSettings) -> Toon:
        """Redraw the photo whole by a blend: what `toonify_photo` returns with the same settings."""
        recipe = from_json(blended.metadata[KEY])
        return render(Studio(Finder(self.base), blended, recipe), self.photo, self.faces, self.latent, settings)

    def shrunk(self, longest_px: int) -> LivePhoto:
        """Return the same faces in a copy of the photo of at most so many px a side; a smaller photo as it is."""
        small = shrunk_photo(self.photo, longest_px)
        if small is self.photo:
            return self
        scale = np.array(small.size) / np.array(self.photo.size)
        return replace(self, photo=small, faces=tuple(_scaled(face, scale, small.size) for face in self.faces))


def shrunk_photo(photo: Photo, longest_px: int) -> Photo:
    """Return a copy of at most so many px a side; a smaller photo as it is."""
    whole = with_pixels(photo, photo.pixels)
    if max(whole.size) <= longest_px:
        return photo
    whole.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    alpha = np.asarray(whole.getchannel("A")) if photo.alpha is not None else None
    return Photo(np.asarray(whole.convert("RGB")), alpha, photo.mode, b"", b"")


def one_of(latent: Latent, place: int) -> Latent:
    """Return the latent of one face, by its place from the left, from 0."""
    noise = {layer: value[place : place + 1] for layer, value in latent.noise.items()}
    return replace(latent, w=latent.w[place : place + 1], noise=noise)


def _scaled(face: AlignedFace, scale: np.ndarray, size: tuple[int, int]) -> AlignedFace:
    points = None if face.points is None else np.asarray(face.points * scale, np.float32)
    return replace(face, quad=face.quad * scale, points=points, photo_size=size)


def _has_area(region: Region) -> bool:
    left, top, right, bottom = region
    return right > left and bottom > top
