"""`Recipe`: what a blend is, as data. Hashable, so it is also a cache key; plain values, so any file can carry it.

    base: {model: portraits, fingerprint: 9c1f…}
    transfers:
      - model: paintings
        fingerprint: 07ab…
        schedule: {kind: swap, resolution: 16, transfer_gives: high}
        weight: 1                                      # optional, as are channels
        channels: {kind: ramp, first: 0, last: 1}
    mapping: base
    w_avg: base
    noise: base

The share of a TRANSFER in a tensor is weight · schedule(resolution) · channels. A recipe that names no models is a
preset: it says how to blend, not what.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blendgan import channel_forms, schedule_forms
from blendgan.channels import Channels
from blendgan.schedule import Schedule, Swap
from stylegan2.errors import RecipeError

Policy = str | float  # "base", "transfer", or the share of TRANSFER in [0, 1]
POLICIES = ("base", "transfer")
NAMED_POLICIES = ("mapping", "w_avg", "noise")
Size = Literal["same", "smaller", "larger"]
SIZES: tuple[Size, ...] = ("same", "smaller", "larger")
KEY = "recipe"  # under which a checkpoint's or a picture's metadata holds one
ROUNDING = 1e-9  # 0.7 + 0.2 + 0.1 is a little more than 1


def policy_alpha(name: str, policy: Policy) -> float:
    """Return a policy as the share of TRANSFER. Raises RecipeError, which names the policy, for any other value."""
    if isinstance(policy, str) and policy in POLICIES:
        return float(POLICIES.index(policy))
    if isinstance(policy, bool) or not isinstance(policy, (int, float)) or not 0 <= policy <= 1:
        raise RecipeError(f"{name}: found {policy!r}, expected base, transfer, or a share of TRANSFER between 0 and 1")
    return float(policy)


@dataclass(frozen=True)
class Model:
    """One input of a blend: how the user named it, and the fingerprint of its tensors ("": not pinned)."""

    name: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Transfer:
    """One TRANSFER, and what it gives: weight · schedule(resolution) · channels. `channels` None: all alike."""

    schedule: Schedule
    weight: float = 1.0
    channels: Channels | None = None
    model: Model | None = None

    def __post_init__(self) -> None:
        is_number = isinstance(self.weight, (int, float)) and not isinstance(self.weight, bool)
        if not is_number or not math.isfinite(self.weight):
            raise RecipeError(f"weight: found {self.weight!r}, expected a number such as 0.5")
        object.__setattr__(self, "weight", float(self.weight))  # so that equal recipes are equal texts


@dataclass(frozen=True)
class Recipe:
    """A blend: BASE + Σ αᵢ (TRANSFERᵢ − BASE), and the policies for what no resolution governs.

    `mapping` (network), `w_avg` and `noise` (buffers) are each "base", "transfer", or the share of TRANSFER in [0, 1],
    which several TRANSFERs divide by their weights; the paper takes BASE's mapping (Pinkney & Adler 2020, appendix
    B.2).
    `task_vectors` allows weights below 0, above 1, and of a sum above 1. `size` says what to do with models of
    different resolution: "smaller" blends what they share, "larger" grafts the larger's upper layers.
    Raises RecipeError for any other value.
    """

    transfers: tuple[Transfer, ...]
    mapping: Policy = "base"
    w_avg: Policy = "base"
    noise: Policy = "base"
    base: Model | None = None
    task_vectors: bool = False
    size: Size = "same"

    def __post_init__(self) -> None:
        for name in NAMED_POLICIES:
            alpha = policy_alpha(name, getattr(self, name))
            if not isinstance(getattr(self, name), str):
                object.__setattr__(self, name, alpha)
        if self.size not in SIZES:
            raise RecipeError(f"size: found {self.size!r}, expected one of {', '.join(SIZES)}")
        if not self.transfers:
            raise RecipeError("transfers: found none, expected at least one TRANSFER with its schedule")
        if not self.task_vectors:
            _check_convex(self.weights)

    @property
    def models(self) -> tuple[Model, ...]:
        """BASE and the TRANSFERs; none for a preset."""
        named = (self.base, *(transfer.model for transfer in self.transfers))
        return tuple(model for model in named if model is not None)

    @property
    def weights(self) -> tuple[float, ...]:
        """The TRANSFERs' weights."""
        return tuple(transfer.weight for transfer in self.transfers)

    @property
    def schedule(self) -> Schedule:
        """The first TRANSFER's schedule: of most recipes the only one."""
        return self.transfers[0].schedule


def _check_convex(weights: Sequence[float]) -> None:
    if min(weights) < 0 or sum(weights) > 1 + ROUNDING:
        shown = ", ".join(f"{weight:g}" for weight in weights)
        raise RecipeError(
            f"weights: found {shown}, expected numbers of at least 0 with a sum of at most 1 (BASE gets the rest); "
            "for others say --task-vectors (task_vectors: true in a recipe)"
        )


def recipe_of(schedule: Schedule, mapping: Policy = "base", w_avg: Policy = "base", noise: Policy = "base") -> Recipe:
    """Return the preset of one TRANSFER with a schedule."""
    return Recipe((Transfer(schedule),), mapping, w_avg, noise)


SHIPPED_PAIR = ("portraits", "paintings")  # BASE and TRANSFER where nobody names models

# Without a schedule from the user or the model: the resolution of the paper's Figures 1c and 1d.
DEFAULT = recipe_of(Swap(16))


def parse_policy(name: str, text: str) -> Policy:
    """Read `base`, `transfer` or a number. Raises RecipeError, which names the policy, for another text."""
    try:
        policy: Policy = text if text in POLICIES else float(text)
    except ValueError:
        policy = text
    policy_alpha(name, policy)
    return policy


def to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain JSON values; `recipe_schema.from_json` inverts it. What is usual is left out."""
    values: dict[str, Any] = {}
    if recipe.base is not None:
        values["base"] = _model(recipe.base)
    values["transfers"] = [_transfer(transfer) for transfer in recipe.transfers]
    values |= {name: getattr(recipe, name) for name in NAMED_POLICIES}
    if recipe.task_vectors:
        values["task_vectors"] = True
    if recipe.size != "same":
        values["size"] = recipe.size
    return values


def _model(model: Model) -> dict[str, str]:
    return {"model": model.name} | ({"fingerprint": model.fingerprint} if model.fingerprint else {})


def _transfer(transfer: Transfer) -> dict[str, Any]:
    values: dict[str, Any] = {} if transfer.model is None else _model(transfer.model)
    values["schedule"] = schedule_forms.to_json(transfer.schedule)
    if transfer.weight != 1:
        values["weight"] = transfer.weight
    if transfer.channels is not None:
        values["channels"] = channel_forms.to_json(transfer.channels)
    return values


def dumps(recipe: Recipe) -> str:
    """Return the recipe as one line of JSON; equal recipes give equal lines."""
    return json.dumps(to_json(recipe), sort_keys=True)
