"""The best blend for a person: schedules are drawn from the person's latent, and each is measured in two ways.

Distance: the perceptual distance (features of BASE's discriminator, as in projection) from the blend's picture to
BASE's picture of the same latent, which is the projected face. Style: how far the picture's features, of TRANSFER's
discriminator, have gone from BASE's to TRANSFER's along the axis that tells the two models' pictures apart. A model
whose file has no discriminator is judged by the other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from blendgan.auto_blend import Front, Point, front_of
from blendgan.front_sheet import front_sheet, shown
from blendgan.images import to_pictures
from blendgan.live import LiveBlend
from blendgan.projection import draw
from blendgan.recipe import KEY, Recipe
from blendgan.recipe_schema import from_json
from blendgan.rendering import Renderer, Setting, renderer_of
from blendgan.schedule import Band, Layers, Schedule, Sigmoid, Swap, Table, Uniform
from blendgan.sources import Source
from projector.latent import Latent
from projector.perceptual import Target
from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.loading import load_discriminator, load_generator

# By these the shipped pairs' swaps come in their order, from BASE to TRANSFER (docs/auto.md): latents
# about as near to the mean as projected faces are, features above the size at which they say what is where, their mean
# alone, and a variance that is half the common one, so that maps that never vary do not rule the axis.
STYLE_SAMPLES, STYLE_PSI, STYLE_PX = 32, 0.6, 16
SHARES = (0.25, 0.5, 0.75, 1.0)  # of TRANSFER, the same everywhere
WIDTHS = (0.5, 1.0)  # octaves, of soft swaps
REFINED = (0.6, 0.8, 0.9)  # shares of the best schedule's α's, which are tried too
BATCH = 8


@dataclass(frozen=True, eq=False)
class StyleAxis:
    """Which way a picture's statistics [D] go from BASE's style to TRANSFER's.

    `direction` [D] is the difference of the two models' mean statistics, each divided by its variance over latents
    (Fisher's discriminant with a diagonal covariance), scaled so that it is 1 from mean to mean.
    """

    discriminator: Discriminator
    direction: Tensor

    def of(self, picture: Tensor, base_picture: Tensor) -> Tensor:
        """Return the style [N] of pictures [N, 3, H, W] beside BASE's of the same latents, which have 0."""
        change = statistics_of(self.discriminator, picture) - statistics_of(self.discriminator, base_picture)
        return change @ self.direction


@torch.inference_mode()
def statistics_of(discriminator: Discriminator, pictures: Tensor) -> Tensor:
    """How strong each feature is on the mean over places, in maps of STYLE_PX and more, or the largest: [N, D]."""
    levels = [x for x, _ in discriminator.blocks(pictures) if x is not None]
    smallest = min(STYLE_PX, levels[0].shape[-1])
    return torch.cat([x.mean(dim=[2, 3]) for x in levels if x.shape[-1] >= smallest], dim=1)


@torch.inference_mode()
def style_axis(discriminator: Discriminator, base: Generator, transfer: Generator) -> StyleAxis:
    """Measure what tells TRANSFER's pictures from BASE's, on the same latents."""
    ws = renderer_of(base, Setting(STYLE_PSI, device=base.device)).styles_of(range(STYLE_SAMPLES))
    ours, theirs = (_statistics(discriminator, generator, ws) for generator in (base, transfer))
    variance = (ours.var(dim=0) + theirs.var(dim=0)) / 2
    between = theirs.mean(dim=0) - ours.mean(dim=0)
    direction = between / (variance + variance.mean()).clamp(min=1e-12)
    return StyleAxis(discriminator, direction / (between @ direction).clamp(min=1e-12))


def _statistics(discriminator: Discriminator, generator: Generator, ws: Tensor) -> Tensor:
    return torch.cat([statistics_of(discriminator, generator.synthesis(part)) for part in ws.split(BATCH)])


@dataclass(frozen=True, eq=False)
class Best:
    """The blend at the knee, ready to draw until the next search; its recipe, with the models; the front, drawn."""

    generator: Generator
    recipe: Recipe
    sheet: Image.Image


class BlendSearcher:
    """Searches for one TRANSFER; loaded once for any number of people. The recipe's schedule alone is changed."""

    def __init__(self, sources: Sequence[Source], recipe: Recipe, device: torch.device) -> None:
        if len(sources) != 2:
            raise InputError(f"auto: found {len(sources) - 1} TRANSFERs, expected one, whose schedule is looked for")
        by_base, by_transfer = (_discriminator_of(source, device) for source in sources)
        likeness_judge, style_judge = by_base or by_transfer, by_transfer or by_base
        if likeness_judge is None or style_judge is None:
            raise InputError("auto: no model's file has a discriminator, which compares pictures; choose a schedule")
        self.recipe, self.discriminator = recipe, likeness_judge
        self.base = load_generator(sources[0].checkpoint).to(device)
        self.live = LiveBlend(sources, Setting(device=device))
        self.axis = style_axis(style_judge, self.base, self.renderer(Uniform(1.0)).generator)

    def recipe_of(self, schedule: Schedule) -> Recipe:
        """Return the recipe with another schedule."""
        return replace(self.recipe, transfers=(replace(self.recipe.transfers[0], schedule=schedule),))

    def renderer(self, schedule: Schedule) -> Renderer:
        """Return what draws the blend, until another is asked for."""
        return self.live.renderer(self.recipe_of(schedule))

    def search(self, latent: Latent) -> Front:
        """Try schedules on the faces of a latent, and refine the best; of several faces the mean counts."""
        before = draw(self.base, latent)
        target = Target(before, self.discriminator)
        coarse = candidates(self.base.config.resolutions)
        points = list(self._measured(coarse, latent, before, target))
        finer = refinements(front_of(points).knee.schedule, self.base.config.resolutions)
        return front_of([*points, *self._measured(finer, latent, before, target)])

    def best(self, latent: Latent) -> Best:
        """Search, and return the blend at the knee."""
        found = self.search(latent)
        sheet = self.sheet(
            found, latent
        )  # before the knee's blend: there is one generator, which becomes what is asked
        generator = self.renderer(found.knee.schedule).generator
        return Best(generator, from_json(generator.metadata[KEY]), sheet)

    def sheet(self, found: Front, latent: Latent) -> Image.Image:
        """Draw the front, with the blends of the latent's first face along it."""
        first = replace(latent, w=latent.w[:1], noise={name: value[:1] for name, value in latent.noise.items()})
        pictures = {point: draw(self.renderer(point.schedule).generator, first) for point in shown(found)}
        return front_sheet(found, {point: to_pictures(picture)[0] for point, picture in pictures.items()})

    @torch.inference_mode()
    def _measured(
        self, schedules: Sequence[Schedule], latent: Latent, before: Tensor, target: Target
    ) -> Iterator[Point]:
        for schedule in schedules:
            pictures = draw(self.renderer(schedule).generator, latent)
            distance, style = target.distance(pictures).mean(), self.axis.of(pictures, before).mean()
            yield Point(schedule, float(distance), float(style))


def _discriminator_of(source: Source, device: torch.device) -> Discriminator | None:
    return load_discriminator(source.checkpoint).to(device) if source.checkpoint.discriminator else None


def candidates(resolutions: Sequence[int]) -> list[Schedule]:
    """Return what is tried first: BASE alone, shares, swaps and soft swaps to either side, bands."""
    inner = resolutions[:-1]  # a swap at the last resolution is one of the two models
    found: list[Schedule] = [Uniform(0.0), *map(Uniform, SHARES)]
    for side in ("high", "low"):
        found += [Swap(resolution, side) for resolution in inner]
        found += [Sigmoid(resolution, width, side) for resolution in inner[1:] for width in WIDTHS]
    return [*found, *(Band(resolution, 1.0) for resolution in resolutions[2:])]


def refinements(knee: Schedule, resolutions: Sequence[int]) -> list[Schedule]:
    """Return the neighbours of a schedule: weaker ones, and those whose edge is softer, sharper or half way on."""
    if isinstance(knee, Layers):  # none is among the candidates
        return []
    weaker: list[Schedule] = [Table({r: share * knee.alpha(r) for r in resolutions}) for share in REFINED]
    if isinstance(knee, Swap):
        return [*weaker, *(Sigmoid(knee.resolution, width, knee.transfer_gives) for width in (0.25, 0.75))]
    if isinstance(knee, Sigmoid):
        widths = (knee.width / 2, knee.width * 1.5)
        return [*weaker, *(replace(knee, width=width) for width in widths)]
    return weaker
