"""Pictures that move: a walk through the latents of one model, and a morph from one model's weights to another's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from blendgan.images import enlarge, grid, to_pictures
from blendgan.live import LiveBlend
from blendgan.recipe import recipe_of
from blendgan.rendering import Renderer, Setting, latent_of
from blendgan.schedule import Uniform
from blendgan.sources import ModelLike, Source, open_source
from stylegan2.errors import InputError

Space = Literal["w", "z"]
SPACES: tuple[Space, ...] = ("w", "z")
Ends = Literal["closed", "open"]  # back to the first seed, or until the last
SMALLEST_FRAME_PX = 256  # one face fills the frame
PARALLEL = 1e-4  # rad: below it the sine of the angle is as small as its rounding


# ---- along latents --------------------------------------------------------------------------------------------


def walk(
    renderer: Renderer, seeds: Sequence[int], frames: int, space: Space = "w", ends: Ends = "closed"
) -> Iterator[Image.Image]:
    """Yield `frames` pictures on a way through the latents of the seeds.

    In w the way is a smooth curve through the (truncated) styles; in z it goes along great circles, since the mapping
    sees only z's direction. Closed, the frame after the last is the first. Raises InputError for fewer than two seeds
    or frames.
    """
    if len(seeds) < 2 or frames < 2:
        raise InputError(f"walk: found {len(seeds)} seeds and {frames} frames, expected two or more of each")
    for styles in _STYLES[space](renderer, seeds, times(len(seeds), frames, ends), ends):
        (picture,) = to_pictures(renderer.draw(styles))
        yield enlarge(picture, SMALLEST_FRAME_PX)


def times(keys: int, frames: int, ends: Ends) -> list[float]:
    """Return when each frame is: t = 1.5 lies half-way between keys 1 and 2. A closed way ends before t = `keys`."""
    if ends == "closed":
        return [i * keys / frames for i in range(frames)]
    return [i * (keys - 1) / (frames - 1) for i in range(frames)]


def spline(keys: Tensor, t: float, ends: Ends) -> Tensor:
    """Return the point at time t of the Catmull-Rom spline (1974) through keys [K, …]: smooth, and through each.

    The tangent at a key is half the way between its neighbours; an open way's ends count as their own neighbours.
    """
    start = math.floor(t)
    u = t - start
    before, first, second, after = (keys[_index(start + i, len(keys), ends)] for i in (-1, 0, 1, 2))
    tangents = (second - before) / 2, (after - first) / 2
    point: Tensor = (
        (2 * u**3 - 3 * u**2 + 1) * first
        + (u**3 - 2 * u**2 + u) * tangents[0]
        + (3 * u**2 - 2 * u**3) * second
        + (u**3 - u**2) * tangents[1]
    )
    return point


def arc(keys: Tensor, t: float, ends: Ends) -> Tensor:
    """Return the unit vector at time t on the great circles through keys [K, z_dim] (Shoemake 1985)."""
    start = math.floor(t)
    u = t - start
    units = keys / keys.norm(dim=1, keepdim=True)
    first: Tensor = units[_index(start, len(keys), ends)]
    second: Tensor = units[_index(start + 1, len(keys), ends)]
    angle = torch.atan2((first - second).norm(), (first + second).norm()) * 2  # unlike acos exact for small angles
    if angle < PARALLEL:
        return first
    return first * (torch.sin((1 - u) * angle) / torch.sin(angle)) + second * (torch.sin(u * angle) / torch.sin(angle))


def _index(i: int, count: int, ends: Ends) -> int:
    return i % count if ends == "closed" else min(max(i, 0), count - 1)


def _through_w(renderer: Renderer, seeds: Sequence[int], moments: Sequence[float], ends: Ends) -> Iterator[Tensor]:
    keys = renderer.styles_of(seeds)
    for t in moments:
        yield spline(keys, t, ends)[None]


def _through_z(renderer: Renderer, seeds: Sequence[int], moments: Sequence[float], ends: Ends) -> Iterator[Tensor]:
    keys = torch.cat([latent_of(seed, renderer.generator.config.z_dim) for seed in seeds])
    for t in moments:
        yield renderer.styles(arc(keys, t, ends)[None])


_STYLES: dict[str, Callable[[Renderer, Sequence[int], Sequence[float], Ends], Iterator[Tensor]]] = {
    "w": _through_w,
    "z": _through_z,
}


# ---- along weights --------------------------------------------------------------------------------------------


def there_and_back(frames: int) -> list[float]:
    """Return an α for each frame of a loop: 0 up to 1 and down again. Raises InputError for fewer than two frames."""
    up = one_way(frames // 2 + 1) if frames > 1 else one_way(frames)
    down = up[:0:-1] if frames % 2 else up[-2:0:-1]  # an odd number stays at 1 for two
    return up + down


def one_way(frames: int) -> list[float]:
    """Return an α for each frame, from 0 to 1 in equal steps. Raises InputError for fewer than two frames."""
    if frames < 2:
        raise InputError(f"frames: found {frames}, expected 2 or more")
    return [i / (frames - 1) for i in range(frames)]


def morph(
    base: ModelLike | Source,
    transfer: ModelLike | Source,
    alphas: Sequence[float],
    seeds: Sequence[int],
    setting: Setting = Setting(),  # noqa: B008 — a frozen dataclass
) -> Iterator[Image.Image]:
    """Yield for each α a row of the same faces, drawn by (1 - α) BASE + α TRANSFER (Wang et al. 2018, eq. 1).

    The latents stay where they are: mapping and mean w are BASE's throughout. Each α is blended once.
    """
    live = LiveBlend((open_source(base), open_source(transfer)), setting)
    drawn: dict[float, Image.Image] = {}
    for alpha in alphas:
        if alpha not in drawn:
            drawn[alpha] = _row(live.renderer(recipe_of(Uniform(alpha))), seeds, alpha)
        yield drawn[alpha]


def _row(renderer: Renderer, seeds: Sequence[int], alpha: float) -> Image.Image:
    return grid({"": to_pictures(renderer.draw_seeds(seeds))}, columns=[f"alpha {alpha:.2f}"])
