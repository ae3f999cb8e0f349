"""The plan of a blend: a row for each tensor, with each TRANSFER's share in it. It can be printed before it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blendgan.combine import Alpha, Channelwise, simplest
from blendgan.feature_maps import maps_of
from blendgan.recipe import Policy, Recipe, Transfer, policy_alpha
from blendgan.schedule import Layers, alpha_at
from blendgan.sources import Source
from stylegan2.config import GeneratorConfig
from stylegan2.errors import RecipeError
from stylegan2.sites import MAPPING, NOISE_BUFFER, W_AVG, Site

Gains = Mapping[str, Sequence[float]]  # feature maps, by the layer that makes them -> a gain in [0, 1] for each


@dataclass(frozen=True)
class Row:
    """One line of the plan: `alphas` are the shares of the TRANSFERs, in their order, in this tensor."""

    name: str
    network: str
    resolution: int | None  # px; None in the mapping network
    role: str
    alphas: tuple[Alpha, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values; a share that differs by channel is a list along `channel_axis`."""
        shares = [list(a.alphas) if isinstance(a, Channelwise) else a for a in self.alphas]
        axes = [a.axis for a in self.alphas if isinstance(a, Channelwise)]
        values = {"tensor": self.name, "network": self.network, "resolution": self.resolution, "role": self.role}
        return values | {"alphas": shares} | ({"channel_axis": axes[0]} if axes else {})


def plan(sources: Sequence[Source], recipe: Recipe, gains: Sequence[Gains | None] | None = None) -> tuple[Row, ...]:
    """Return a row for each tensor of the result: the mapping first, then from coarse to fine.

    `sources` are BASE and the TRANSFERs, of one shape. `gains`: those of each TRANSFER's channels, where they are known
    already, see `gains_of`. Raises RecipeError if a schedule lacks an alpha, or if a tensor
    that is to be given is not there.
    """
    gains = gains_of(recipe, sources) if gains is None else gains
    base, *transfers = sources
    config = base.checkpoint.config
    for transfer in recipe.transfers:
        _check_layers(transfer, config)
    rows = [_row(site, recipe, gains) for site in base.sites.values()]
    return tuple(row for row in rows if _is_there(row, base, transfers))


def gains_of(recipe: Recipe, sources: Sequence[Source]) -> tuple[Gains | None, ...]:
    """Return for each TRANSFER the gains of its channels; None where all are alike. A region's take nearly a second.

    Raises RecipeError for another number of models than the recipe has.
    """
    if len(sources) != len(recipe.transfers) + 1:
        raise RecipeError(f"models: found {len(sources)}, expected BASE and {len(recipe.transfers)} more")
    base, *transfers = sources
    return tuple(_gains(each, base, source) for each, source in zip(recipe.transfers, transfers, strict=True))


def _gains(transfer: Transfer, base: Source, source: Source) -> Gains | None:
    if transfer.channels is None:
        return None
    from blendgan.ranking import gains  # loads networks, which most blends do not need

    return gains(transfer.channels, base.checkpoint, source.checkpoint)


def _check_layers(transfer: Transfer, config: GeneratorConfig) -> None:
    schedule = transfer.schedule
    if isinstance(schedule, Layers) and len(schedule.alphas) != config.num_ws:
        raise RecipeError(
            f"layers: found {len(schedule.alphas)} alphas, expected {config.num_ws}, "
            f"one for each style layer of a {config.resolution} px model"
        )


def _row(site: Site, recipe: Recipe, gains: Sequence[Gains | None]) -> Row:
    governed = _policy_shares(site, recipe)
    if governed is None:
        pairs = zip(recipe.transfers, gains, strict=True)
        governed = tuple(_scheduled(site, transfer, gain) for transfer, gain in pairs)
    return Row(site.name, site.network, site.resolution, site.role, governed)


def _policy_shares(site: Site, recipe: Recipe) -> tuple[Alpha, ...] | None:
    """The shares that a policy gives to this tensor; None where the schedules do."""
    if site.role == W_AVG:
        return _by_policy("w_avg", recipe.w_avg, recipe)
    if site.network == MAPPING:
        return _by_policy("mapping", recipe.mapping, recipe)
    return _by_policy("noise", recipe.noise, recipe) if site.role == NOISE_BUFFER else None


def _by_policy(name: str, policy: Policy, recipe: Recipe) -> tuple[Alpha, ...]:
    """Several TRANSFERs share what the policy gives, in proportion to their weights; task vectors add up instead."""
    weights = recipe.weights
    total = 1.0 if recipe.task_vectors and len(weights) > 1 else math.fsum(weights)  # fsum: in any order the same
    parts = [weight / total for weight in weights] if total else [1 / len(weights)] * len(weights)
    return tuple(policy_alpha(name, policy) * part for part in parts)


def _scheduled(site: Site, transfer: Transfer, gains: Gains | None) -> Alpha:
    if site.resolution is None or site.layer is None:
        raise RecipeError(f"{site.name}: acts at no resolution; expected a tensor of the synthesis network")
    alpha = transfer.weight * alpha_at(transfer.schedule, site.resolution, site.layer)
    if gains is None:
        return alpha
    of_maps = gains[maps_of(site)]
    if site.channel_axis is None:
        mean = sum(of_maps) / len(of_maps)
        return alpha * (of_maps[0] if len(set(of_maps)) == 1 else mean)  # the mean of equals may round
    return simplest(Channelwise(site.channel_axis, tuple(alpha * gain for gain in of_maps)))


def _is_there(row: Row, base: Source, transfers: Sequence[Source]) -> bool:
    """Leave out an optional tensor that BASE does not have, if BASE was to give it; that TRANSFER lacks is an error."""
    if not any(alpha == 1 for alpha in row.alphas) and row.name not in base.checkpoint.tensors:
        if not any(row.alphas):
            return False
        raise RecipeError(f"{row.name}: BASE has none, so nothing can be mixed; let its policy be base or transfer")
    for alpha, transfer in zip(row.alphas, transfers, strict=True):
        if alpha != 0 and row.name not in transfer.checkpoint.tensors:
            raise RecipeError(f"{row.name}: TRANSFER has none; let its policy be base")
    return True
