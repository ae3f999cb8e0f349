"""A recipe and two checkpoints → a checkpoint: which tensor takes how much of TRANSFER, and whether the models fit.

First the plan, a row with an alpha for every tensor, which can be printed; then one loop that applies it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from blendgan.combine import Share, combine
from blendgan.licences import strictest
from blendgan.recipe import DEFAULT, KEY, Model, Policy, Recipe, from_json, policy_alpha, to_json
from blendgan.schedule import Layers, Schedule, alpha_at
from stylegan2 import checkpoints, store
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.checkpoints.headers import FORMAT
from stylegan2.errors import RecipeError, ShapeMismatch
from stylegan2.sites import MAPPING, NOISE_BUFFER, W_AVG, Site, sites

ModelLike = str | os.PathLike[str] | Checkpoint

OPTIONAL_ROLES = (W_AVG, NOISE_BUFFER)  # rosinality's training files have no w_avg; noise can be drawn anew
# How a network trained or is run, not what its tensors mean (BASE's value stays); and widths that mean nothing without
# labels or hidden layers, where readers may fill them in differently. Where they mean something the shapes differ too.
FREE_FIELDS = ("conv_clamp", "w_avg_decay", "embed_dim", "mapping_width")
INHERITED = ("licence", "attribution", "source", "lineage")  # metadata of the inputs that the result must pass on
IN_MEMORY = "in memory"  # the name of a model that was given as a Checkpoint


@dataclass(frozen=True)
class Row:
    """One line of the plan: `alpha` is the share of TRANSFER in this tensor, in [0, 1]."""

    name: str
    network: str
    resolution: int | None  # px; None in the mapping network
    role: str
    alpha: float


@dataclass(frozen=True, eq=False)
class Source:
    """One input: its name as the user gave it, and what it holds."""

    name: str
    checkpoint: Checkpoint


def blend(
    base: ModelLike,
    transfer: ModelLike,
    schedule: Schedule,
    mapping: Policy = "base",
    w_avg: Policy = "base",
    noise: Policy = "base",
) -> Checkpoint:
    """Blend two generators of one architecture; models are paths, shipped names or Checkpoints.

    The schedule governs the synthesis network, noise strengths included. `mapping` (network), `w_avg` and `noise`
    (buffers) are each "base", "transfer", or the share of TRANSFER in [0, 1]. Discriminators are left behind. The
    result's metadata holds the recipe, the inputs' fingerprints, lineage and licence (Pinkney & Adler 2020,
    section 2 and appendix B.2). Raises RecipeError, CheckpointError (ShapeMismatch lists all that does not fit), and
    UnknownWeights.
    """
    return blend_sources(open_source(base), open_source(transfer), Recipe(schedule, mapping, w_avg, noise))


def blend_sources(base: Source, transfer: Source, recipe: Recipe) -> Checkpoint:
    """Carry out a recipe on two inputs; see `blend`. The models that the recipe may name are replaced by these."""
    rows = plan(base, transfer, recipe)
    models = tuple(Model(source.name, checkpoints.fingerprint(source.checkpoint)) for source in (base, transfer))
    share = Share(models[1].fingerprint, transfer.checkpoint.tensors, {row.name: row.alpha for row in rows})
    tensors = combine(base.checkpoint.tensors, [share])
    metadata = _metadata(replace(recipe, models=models), [base.checkpoint, transfer.checkpoint])
    return Checkpoint(base.checkpoint.config, tensors, metadata)


def open_source(model: ModelLike | Source) -> Source:
    """Read a model by path or shipped name; what is open stays as it is. Raises CheckpointError or UnknownWeights."""
    if isinstance(model, Source):
        return model
    if isinstance(model, Checkpoint):
        return Source(IN_MEMORY, model)
    return Source(os.fspath(model), checkpoints.load(store.resolve(model)))


def preset(transfer: Checkpoint) -> Recipe:
    """Return the recipe that a model recommends for blending with it as TRANSFER, else that of the paper's Figure 1c.

    A recipe that names models is not meant: it says how that model itself was made.
    """
    if KEY not in transfer.metadata:
        return DEFAULT
    recipe = from_json(transfer.metadata[KEY])
    return DEFAULT if recipe.models else recipe


def plan(base: Source, transfer: Source, recipe: Recipe) -> tuple[Row, ...]:
    """Return a row for each tensor of the result: the mapping first, then from coarse to fine.

    Raises ShapeMismatch, which lists all that does not fit, and RecipeError if the schedule lacks an alpha.
    """
    _check_fit(base, transfer)
    config = base.checkpoint.config
    if isinstance(recipe.schedule, Layers) and len(recipe.schedule.alphas) != config.num_ws:
        raise RecipeError(
            f"layers: found {len(recipe.schedule.alphas)} alphas, expected {config.num_ws}, "
            f"one for each style layer of a {config.resolution} px model"
        )
    rows = [_row(site, recipe) for site in sites(config).values()]
    return tuple(row for row in rows if _is_there(row, base.checkpoint, transfer.checkpoint))


def _row(site: Site, recipe: Recipe) -> Row:
    return Row(site.name, site.network, site.resolution, site.role, _alpha(site, recipe))


def _alpha(site: Site, recipe: Recipe) -> float:
    if site.role == W_AVG:
        return policy_alpha("w_avg", recipe.w_avg)
    if site.network == MAPPING or site.resolution is None or site.layer is None:
        return policy_alpha("mapping", recipe.mapping)
    if site.role == NOISE_BUFFER:
        return policy_alpha("noise", recipe.noise)
    return alpha_at(recipe.schedule, site.resolution, site.layer)


def _is_there(row: Row, base: Checkpoint, transfer: Checkpoint) -> bool:
    """Leave out an optional tensor that BASE does not have, if BASE was to give it; that TRANSFER lacks is an error."""
    if row.alpha < 1 and row.name not in base.tensors:
        if row.alpha == 0:
            return False
        raise RecipeError(f"{row.name}: BASE has none, so nothing can be mixed; let its policy be base or transfer")
    if row.alpha > 0 and row.name not in transfer.tensors:
        raise RecipeError(f"{row.name}: TRANSFER has none; let its policy be base")
    return True


def _check_fit(base: Source, transfer: Source) -> None:
    differences = [*_config_differences(base.checkpoint, transfer.checkpoint)]
    differences += _tensor_differences(base.checkpoint, transfer.checkpoint)
    if differences:
        raise ShapeMismatch(
            f"{base.name} (BASE) and {transfer.name} (TRANSFER) do not fit: {'; '.join(differences)}. Blending needs "
            f"equal architectures: train TRANSFER from this BASE, or choose the BASE that it was trained from."
        )


def _config_differences(base: Checkpoint, transfer: Checkpoint) -> Iterator[str]:
    theirs = asdict(transfer.config)
    for name, value in asdict(base.config).items():
        if value != theirs[name] and name not in FREE_FIELDS:
            yield f"{name}: BASE has {value}, TRANSFER {theirs[name]}"


def _tensor_differences(base: Checkpoint, transfer: Checkpoint) -> Iterator[str]:
    """Pair the tensors by name, in the table's order; names outside the table come last."""
    table = sites(base.config) | sites(transfer.config)
    optional = {name for name, site in table.items() if site.role in OPTIONAL_ROLES}
    ours, theirs = _generator(base), _generator(transfer)
    for name in [*table, *sorted((ours.keys() | theirs.keys()) - table.keys())]:
        a, b = ours.get(name), theirs.get(name)
        if name not in table:
            yield f"{name}: no tensor of this architecture"
        elif (a is None or b is None) and name not in optional:
            yield f"{name}: BASE has {_shape(a)}, TRANSFER {_shape(b)}"
        elif a is not None and b is not None and a.shape != b.shape:
            yield f"{name}: BASE has shape {_shape(a)}, TRANSFER {_shape(b)}"


def _generator(checkpoint: Checkpoint) -> dict[str, Tensor]:
    others = (DISCRIMINATOR_PREFIX, RAW_PREFIX)
    return {name: checkpoint.tensors[name] for name in checkpoint.tensors if not name.startswith(others)}


def _shape(tensor: Tensor | None) -> str:
    return "none" if tensor is None else str(tuple(tensor.shape))


def _metadata(recipe: Recipe, inputs: list[Checkpoint]) -> dict[str, Any]:
    """Return the result's papers: recipe, licence, and as lineage what each input said of itself."""
    parents = [_parent(model, checkpoint) for model, checkpoint in zip(recipe.models, inputs, strict=True)]
    licence = strictest(checkpoint.metadata.get("licence") for checkpoint in inputs)
    metadata = {"format": FORMAT, KEY: to_json(recipe), "lineage": {"blend": parents}}
    return metadata if licence is None else {**metadata, "licence": licence}


def _parent(model: Model, checkpoint: Checkpoint) -> dict[str, Any]:
    """The mapping's fingerprint is there so that a blend takes the latents of either parent, whatever its policies."""
    inherited = {key: checkpoint.metadata[key] for key in INHERITED if key in checkpoint.metadata}
    return asdict(model) | {"mapping_fingerprint": checkpoints.fingerprint_mapping(checkpoint)} | inherited
