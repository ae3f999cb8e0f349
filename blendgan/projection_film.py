"""A film of a projection: a row for each face, aligned | what was found by then; a frame for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from PIL import Image

from blendgan.faces import crops
from blendgan.images import grid, to_pictures
from projector.alignment import AlignedFace
from projector.optimise import ProjectionStep
from stylegan2.generator import Generator

LARGEST_PX = 256  # of a face in a film; a search in 1024 px would fill the memory with its frames


class ProjectionFilm:
    """Told of every step, it draws what was found. Faces that are searched for later start their part of it anew."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.parts: list[list[list[Image.Image]]] = []  # part of the faces -> step -> faces
        self.shown: torch.Tensor | None = None

    @torch.no_grad()
    def see(self, step: ProjectionStep) -> None:
        """Keep a step's pictures; where nothing became better, those of the step before."""
        if step.index == 0:
            self.parts.append([])
            self.shown = None
        if self.shown is not None and torch.equal(step.distances, self.shown):
            self.parts[-1].append(self.parts[-1][-1])
            return
        self.shown = step.distances
        pictures = to_pictures(self.generator.synthesis(step.w, noise=step.noise))
        self.parts[-1].append([_reduced(picture) for picture in pictures])

    def frames(self, faces: Sequence[AlignedFace]) -> Iterator[Image.Image]:
        """Yield the frames; all faces start with the first."""
        aligned = [_reduced(crop) for crop in crops(faces)]
        for index in range(max(map(len, self.parts), default=0)):
            found = [picture for part in self.parts for picture in part[min(index, len(part) - 1)]]
            rows = zip(aligned, found, strict=True)
            yield grid({f"face {i + 1}": row for i, row in enumerate(rows)}, columns=["aligned", "projected"])


def _reduced(picture: Image.Image) -> Image.Image:
    if max(picture.size) <= LARGEST_PX:
        return picture
    return picture.resize((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
