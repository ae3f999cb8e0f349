"""A view of a blend that changes: which faces, how they are drawn, and their pictures as files, the first ones soon.

The bytes are those of `blendgan generate --no-metadata`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from blendgan.images import png_bytes, to_pictures
from blendgan.rendering import Renderer, Setting, renderer_of
from projector.latent import Latent, require_generator

COARSEST = 4  # a first picture has at least this part of the model's resolution: a face can be told from it


@dataclass(frozen=True, eq=False)
class KnownFace:
    """A face that was found in a photo: its name, and a latent of one face."""

    name: str
    latent: Latent


@dataclass(frozen=True)
class View:
    """What is drawn: seeds, then faces that are known. truncation_psi: 1 = off, 0 = the mean face; of seeds alone."""

    seeds: tuple[int, ...] = (0,)
    faces: tuple[KnownFace, ...] = ()
    truncation_psi: float = 0.7
    noise_mode: str = "const"  # or random (from the seed), none
    class_index: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def names(self) -> tuple[str, ...]:
        """What each picture is called."""
        return (*(f"seed {seed}" for seed in self.seeds), *(face.name for face in self.faces))


@dataclass(frozen=True)
class Drawn:
    """A PNG file for each face. Not `complete`: those of a lower resolution, which are there sooner."""

    pictures: tuple[bytes, ...]
    complete: bool
    seconds: float


@torch.inference_mode()
def draw_view(renderer: Renderer, view: View, budget_s: float | None = None) -> Drawn:
    """Draw each face alone, as everywhere; within about `budget_s` seconds those that can be had by then.

    Synthesis with skip connections makes small pictures on its way; where the renderer keeps activations, the next
    call goes on from there. Raises InputError if class and model do not fit, WrongGenerator for a face of another
    family.
    """
    start = time.perf_counter()
    renderer = renderer_of(renderer.generator, Setting(view.truncation_psi, view.class_index, device=view.device))
    count = len(view.names)
    images = []
    for place, passes in enumerate(_passes(renderer, view)):
        deadline = None if budget_s is None else start + budget_s * (place + 1) / count
        images.append(_last_before(deadline, passes, renderer.generator.config.resolution))
    pictures = tuple(png_bytes(to_pictures(image)[0]) for image in images)
    width = renderer.generator.config.image_size[1]
    return Drawn(pictures, all(image.shape[-1] == width for image in images), time.perf_counter() - start)


def _passes(renderer: Renderer, view: View) -> Iterator[Iterator[Tensor]]:
    """For each face its synthesis, picture by picture."""
    generator, device = renderer.generator, view.device
    for seed in view.seeds:
        source = torch.Generator(device).manual_seed(seed)
        yield generator.synthesis.pictures(renderer.styles_of([seed]), view.noise_mode, source)
    for face in view.faces:
        require_generator(face.latent, generator)
        noise = {layer: value.to(device) for layer, value in face.latent.noise.items()}
        yield generator.synthesis.pictures(face.latent.w.to(device), noise=noise)


def _last_before(deadline: float | None, passes: Iterator[Tensor], resolution: int) -> Tensor:
    """Return the last picture [1, 3, H, W] that is there by the deadline, the whole one where there is none."""
    for image in passes:  # there is at least the whole one
        late = deadline is not None and time.perf_counter() > deadline
        if late and image.shape[-1] * COARSEST >= resolution:
            break
    return image.cpu()
