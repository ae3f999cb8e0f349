"""`Recipe`: what a blend is, as data. Hashable, so it is also a cache key; plain values, so any file can carry it.

    {"models": [{"name": "portraits", "fingerprint": "9c1f…"}, {"name": "paintings", "fingerprint": "07ab…"}],
     "schedule": {"kind": "swap", "resolution": 16, "transfer_gives": "high"},
     "mapping": "base", "w_avg": "base", "noise": "base"}

The first model is BASE. A recipe without models is a preset: it says how to blend, not what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from blendgan import schedule_forms
from blendgan.schedule import Schedule, Swap
from stylegan2.errors import RecipeError

Policy = str | float  # "base", "transfer", or the share of TRANSFER in [0, 1]
POLICIES = ("base", "transfer")
KEY = "recipe"  # under which a checkpoint's or a picture's metadata holds one


def policy_alpha(name: str, policy: Policy) -> float:
    """Return a policy as the share of TRANSFER. Raises RecipeError, which names the policy, for any other value."""
    if isinstance(policy, str) and policy in POLICIES:
        return float(POLICIES.index(policy))
    if not isinstance(policy, (int, float)) or not 0 <= policy <= 1:
        raise RecipeError(f"{name}: found {policy!r}, expected base, transfer, or a share of TRANSFER between 0 and 1")
    return float(policy)


@dataclass(frozen=True)
class Model:
    """One input of a blend: how the user named it, and the fingerprint of its generator's tensors."""

    name: str
    fingerprint: str


@dataclass(frozen=True)
class Recipe:
    """A blend: models, schedule, and the policies for what no resolution governs.

    `mapping` (network), `w_avg` and `noise` (buffers) are each "base", "transfer", or the share of TRANSFER in [0, 1].
    The paper takes BASE's mapping (Pinkney & Adler 2020, appendix B.2). Raises RecipeError for any other policy.
    """

    schedule: Schedule
    mapping: Policy = "base"
    w_avg: Policy = "base"
    noise: Policy = "base"
    models: tuple[Model, ...] = ()

    def __post_init__(self) -> None:
        for name in ("mapping", "w_avg", "noise"):
            policy_alpha(name, getattr(self, name))


# Without a schedule from the user or the model: the resolution of the paper's Figures 1c and 1d.
DEFAULT = Recipe(Swap(16))


def parse_policy(name: str, text: str) -> Policy:
    """Read `base`, `transfer` or a number. Raises RecipeError, which names the policy, for another text."""
    try:
        policy: Policy = text if text in POLICIES else float(text)
    except ValueError:
        policy = text
    policy_alpha(name, policy)
    return policy


def to_json(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain JSON values; the inverse of `from_json`."""
    return {
        "models": [{"name": model.name, "fingerprint": model.fingerprint} for model in recipe.models],
        "schedule": schedule_forms.to_json(recipe.schedule),
        "mapping": recipe.mapping,
        "w_avg": recipe.w_avg,
        "noise": recipe.noise,
    }


def from_json(values: Mapping[str, Any]) -> Recipe:
    """Build a recipe from plain values. Raises RecipeError, which names the key, the value and what is allowed."""
    known = [field.name for field in fields(Recipe)]
    if not isinstance(values, Mapping) or "schedule" not in values:
        raise RecipeError(f"recipe: found no schedule, expected the keys {', '.join(known)}")
    if unknown := [key for key in values if key not in known]:
        raise RecipeError(f"recipe: unknown key {', '.join(map(repr, unknown))}, expected {', '.join(known)}")
    models = values.get("models", ())
    if not isinstance(models, (list, tuple)):
        raise RecipeError(f"recipe models: found {models!r}, expected a list of {{name, fingerprint}}")
    policies = {name: values[name] for name in ("mapping", "w_avg", "noise") if name in values}
    return Recipe(schedule_forms.from_json(values["schedule"]), **policies, models=tuple(map(_model, models)))


def dumps(recipe: Recipe) -> str:
    """Return the recipe as one line of JSON; equal recipes give equal lines."""
    return json.dumps(to_json(recipe), sort_keys=True)


def loads(text: str) -> Recipe:
    """Read what `dumps` wrote. Raises RecipeError for a text that is no JSON, or no recipe."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"recipe: not JSON ({error})") from error
    return from_json(values)


def _model(values: Any) -> Model:
    if not isinstance(values, Mapping) or set(values) != {"name", "fingerprint"}:
        raise RecipeError(f"recipe model: found {values!r}, expected its name and its fingerprint")
    return Model(str(values["name"]), str(values["fingerprint"]))
