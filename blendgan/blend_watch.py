"""What a run is worth as TRANSFER: its blends with BASE, drawn and scored at every snapshot.

A transfer's own pictures go on improving while its blends get worse, since the layers of both models cease to fit each
other. So each swap resolution R (TRANSFER gives the layers above it) has three figures, over the same styles w:

    blendR_style     (D(blend) − D(BASE)) / (D(TRANSFER) − D(BASE)) of mean logits, by the run's own discriminator:
                     0 = looks like BASE's pictures to it, or less, 1 = as much like the new data as TRANSFER's own;
                     as unsteady as any discriminator is in its first kimg
    blendR_distance  d(blend, BASE) / d(TRANSFER, BASE), perceptual distances from BASE's picture of the same w:
                     0 = the same face, 1 = as far from it as TRANSFER's own
    blendR_score     style − distance: what the blend gains over being more or less like TRANSFER (both ends have 0)
    blendR_light     correlation of its light and shade with those of BASE's picture (anchor.py)

and each resolution of the network the change of its weights since BASE, `bR_distance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from blendgan.anchor import check_swaps, light_correlation
from blendgan.blending import blend
from blendgan.faces import first_faces
from blendgan.images import grid, to_pictures, write_png
from blendgan.kinship import compare
from blendgan.projection import Finder, crop_size, project_faces
from blendgan.rendering import Renderer, Setting, open_renderer
from blendgan.schedule import Swap
from projector.optimise import ProjectionConfig
from projector.perceptual import Target, Weights
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.loading import load_discriminator, load_generator
from stylegan2.train.decoding import SUFFIXES
from stylegan2.train.snapshots import state_to_checkpoint
from stylegan2.train.state import TrainingState

SEEDS = range(16)
SHOWN = 8  # columns of the sheet


@dataclass(frozen=True, eq=False)
class BlendWatch:
    """BASE (with its discriminator), swaps to look at, styles [N, num_ws, w_dim] to draw, a folder for sheets."""

    base: Checkpoint
    swaps: tuple[int, ...]
    styles: Tensor
    folder: Path

    def __post_init__(self) -> None:
        check_swaps("preview", self.swaps, self.base.config)

    @property
    def higher_is_better(self) -> tuple[str, ...]:
        """The names of those figures that grow as the blends get better."""
        return tuple(f"blend{swap}_{name}" for swap in self.swaps for name in ("score", "style", "light"))

    def __call__(self, state: TrainingState, kimg: float) -> dict[str, float]:
        """Draw and score the blends with the run's moving average; write `blends000010.png`."""
        run = state_to_checkpoint(state, {"format": "memory"})
        blends = {swap: draw(blend(self.base, run, Swap(swap, "high")), self.styles) for swap in self.swaps}
        transfer = draw(run, self.styles)
        rows = {
            "BASE": self._originals,
            **{f"> {swap} px": some for swap, some in blends.items()},
            "TRANSFER": transfer,
        }
        shown = {caption: to_pictures(some[:SHOWN]) for caption, some in rows.items()}
        write_png(self.folder / f"blends{round(kimg):06d}.png", grid(shown))
        figures = self._scores(blends, transfer, state.discriminator)
        moved = {f"b{row.resolution}_distance": row.distance for row in compare(self.base, run).rows if row.resolution}
        return figures | moved

    @cached_property
    def _originals(self) -> Tensor:
        return draw(self.base, self.styles)

    @cached_property
    def _perceptual(self) -> Target:
        return Target(self._originals, load_discriminator(self.base), Weights(features=1, pixels=0))

    @torch.no_grad()
    def _scores(self, blends: Mapping[int, Tensor], transfer: Tensor, critic: Discriminator) -> dict[str, float]:
        def logit(pictures: Tensor) -> float:
            return float(critic(pictures.to(critic.b4.out.weight.device)).mean())

        def distance(pictures: Tensor) -> float:
            return float(self._perceptual.distance(pictures).mean())

        start, ends = logit(self._originals), (logit(transfer), distance(transfer))
        figures: dict[str, float] = {}
        for swap, pictures in blends.items():
            style = share(logit(pictures) - start, max(ends[0] - start, 0.0))
            apart = share(distance(pictures), ends[1])
            light = float(light_correlation(pictures, self._originals).mean())
            scores = {"style": style, "distance": apart, "score": style - apart, "light": light}
            figures |= {f"blend{swap}_{name}": value for name, value in scores.items()}
        return figures


def share(part: float, whole: float) -> float:
    """Part / whole, in [0, 1]; 0 where there is no whole: TRANSFER is BASE at the start of a run, and gains nothing."""
    return min(max(part / whole, 0.0), 1.0) if whole else 0.0


def styles_of_seeds(base: Checkpoint, seeds: Sequence[int] = SEEDS) -> Tensor:
    """Return BASE's styles [seeds, num_ws, w_dim] of some seeds, truncated as pictures usually are; of class 0."""
    return _renderer(base).styles_of(seeds)


def styles_of_photos(base: Checkpoint, folder: Path, config: ProjectionConfig) -> Tensor:
    """Return the styles [faces, num_ws, w_dim] of the first face of every photo in a folder, projected into BASE.

    Raises InputError for a folder without photos, NoFaceFound, and what reading and loading raise.
    """
    photos = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not photos:
        raise InputError(f"{folder}: found no photos; expected some of {', '.join(SUFFIXES)}")
    generator = load_generator(base)
    faces = first_faces(photos, crop_size(generator))
    return project_faces(faces, Finder(generator, load_discriminator(base)), config).w


def draw(model: Checkpoint, styles: Tensor) -> Tensor:
    """Styles [N, num_ws, w_dim] -> pictures [N, 3, H, W], drawn one by one."""
    return torch.cat(list(_renderer(model).draw_each(styles)))


def _renderer(model: Checkpoint) -> Renderer:
    return open_renderer(model, Setting(class_index=0 if model.config.num_classes else None))
