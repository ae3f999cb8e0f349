"""A recipe and checkpoints → a checkpoint: the models fitted to each other, the plan, and one loop that applies it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

from torch import Tensor

from blendgan import combine
from blendgan.ancestry import parent_of
from blendgan.channels import Channels, Region
from blendgan.combine import Share
from blendgan.fitting import fit
from blendgan.licences import strictest
from blendgan.planning import Gains, Row, plan
from blendgan.recipe import DEFAULT, KEY, Model, Policy, Recipe, Transfer, recipe_of, to_json
from blendgan.recipe_schema import BadRecipe, from_json
from blendgan.schedule import Schedule, Uniform
from blendgan.sources import ModelLike, Source, check_pin, open_source
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.headers import FORMAT
from stylegan2.checkpoints.lazy import LazyTensors, describe
from stylegan2.errors import RecipeError


def blend(
    base: ModelLike | Source,
    transfer: ModelLike | Source,
    schedule: Schedule,
    mapping: Policy = "base",
    w_avg: Policy = "base",
    noise: Policy = "base",
) -> Checkpoint:
    """Blend two generators of one architecture; models are paths, shipped names or Checkpoints.

    The schedule governs the synthesis network, noise strengths included. `mapping` (network), `w_avg` and `noise`
    (buffers) are each "base", "transfer", or the share of TRANSFER in [0, 1]. Discriminators are left behind. The
    result's metadata holds the recipe, the inputs' fingerprints, lineage and licence (Pinkney & Adler 2020,
    section 2 and appendix B.2). Raises RecipeError, CheckpointError (ShapeMismatch says what does not fit), and
    UnknownWeights. A blend of files is computed when its tensors are read, so that `.save` streams from file to file;
    one of Checkpoints is computed at once. For more models, channels and sizes see `blend_lazily`.
    """
    if not isinstance(schedule, get_args(Schedule)):
        raise RecipeError(f"schedule: found {schedule!r}, expected one of blendgan.schedule, such as Swap(16)")
    work = blend_models if Checkpoint in (type(base), type(transfer)) else blend_lazily
    return work((open_source(base), open_source(transfer)), recipe_of(schedule, mapping, w_avg, noise))


def blend_models(sources: Sequence[Source], recipe: Recipe) -> Checkpoint:
    """Carry out a recipe on BASE and its TRANSFERs, in memory; see `blend_lazily`."""
    lazily = blend_lazily(sources, recipe)
    return replace(lazily, tensors={name: lazily.tensors[name] for name in lazily.tensors})


def blend_lazily(sources: Sequence[Source], recipe: Recipe) -> Checkpoint:
    """Carry out a recipe; each tensor is computed when it is read, so that saving streams from file to file.

    The models that the recipe may name are replaced by these. Raises RecipeError for a source that is not the model
    which the recipe pins, for a schedule that lacks an alpha, and ShapeMismatch for models that do not fit.
    """
    return blend_fitted(fit(sources, recipe.size), sources, recipe)


def blend_fitted(
    fitted: Sequence[Source], sources: Sequence[Source], recipe: Recipe, gains: Sequence[Gains | None] | None = None
) -> Checkpoint:
    """Carry out a recipe on models that were fitted to each other already; `sources` are what they were made of.

    `gains`: see `plan`.
    """
    rows = plan(fitted, recipe, gains)
    named = _named(sources, recipe)
    shares = [
        Share(transfer.model.fingerprint, source.checkpoint.tensors, {row.name: row.alphas[i] for row in rows})
        for i, (transfer, source) in enumerate(zip(named.transfers, fitted[1:], strict=True))
        if transfer.model is not None
    ]
    base = fitted[0].checkpoint
    return Checkpoint(base.config, Combination(base.tensors, shares), _metadata(named, sources))


def plan_of(sources: Sequence[Source], recipe: Recipe) -> tuple[Row, ...]:
    """Return what a recipe does with these models, tensor by tensor. Raises as `blend_lazily` does."""
    if any(model.fingerprint for model in recipe.models):
        _named(sources, recipe)
    return plan(fit(sources, recipe.size), recipe)


Shares = tuple[combine.Alpha, ...]  # of one tensor, in the order of the TRANSFERs


class Combination(LazyTensors):
    """The tensors of a blend, each computed when it is asked for; `shares` says what each TRANSFER gives to them."""

    def __init__(self, base: combine.Tensors, shares: Sequence[Share]) -> None:
        self._base, self._shares = base, shares
        described = [describe(base), *(describe(share.tensors) for share in shares)]
        self.description = {name: described[self._giver(name)][name] for name in combine.names_of(shares)}
        self.shares: dict[str, Shares] = {
            name: tuple(combine.simplest(share.alphas[name]) for share in shares) for name in self.description
        }

    def _giver(self, name: str) -> int:
        """Whose type the tensor has: BASE's (0), or that of the TRANSFER that gives it whole."""
        given = [combine.simplest(share.alphas[name]) for share in self._shares]
        return given.index(1.0) + 1 if [alpha for alpha in given if alpha != 0] == [1] else 0

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.description:
            raise KeyError(name)
        return combine.whole(self._base, self._shares, name)

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield one tensor in slices along its first axis."""
        yield from combine.pieces(self._base, self._shares, name)


def preset(transfer: Checkpoint) -> Recipe:
    """Return the recipe that a model recommends for blending with it as TRANSFER, else that of the paper's Figure 1c.

    A recipe that names models is no recommendation: it says how that model itself was made. Such a blend is taken
    whole. Raises RecipeError for a recommendation that is damaged, or for several TRANSFERs.
    """
    if KEY not in transfer.metadata:
        return DEFAULT
    try:
        recipe = from_json(transfer.metadata[KEY])
    except BadRecipe as error:
        raise RecipeError(f"TRANSFER: the recipe in its file is damaged: {error}; get the file again") from error
    if recipe.models:
        return recipe_of(Uniform(1.0))
    if len(recipe.transfers) > 1:
        raise RecipeError(f"TRANSFER: its file recommends a blend of {len(recipe.transfers)} TRANSFERs, expected one")
    return recipe


def _named(sources: Sequence[Source], recipe: Recipe) -> Recipe:
    """Return the recipe with the sources' names and fingerprints; those that it pins must be these."""
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run, and is half of a large blend's time
        for source in sources:
            if not source.is_hashed:  # most often they are: a live blend has no time for threads
                pool.submit(getattr, source, "fingerprint")
    models = [Model(source.name, source.fingerprint) for source in sources]
    for pinned, model in zip((recipe.base, *(one.model for one in recipe.transfers)), models, strict=True):
        check_pin(model, pinned)
    transfers = tuple(
        replace(one, model=model, channels=_pinned(one))
        for one, model in zip(recipe.transfers, models[1:], strict=True)
    )
    return replace(recipe, base=models[0], transfers=transfers)


def _pinned(transfer: Transfer) -> Channels | None:
    if not isinstance(transfer.channels, Region):
        return transfer.channels
    from blendgan.ranking import pinned  # loads networks, which most blends do not need

    return pinned(transfer.channels)


def _metadata(recipe: Recipe, sources: Sequence[Source]) -> dict[str, Any]:
    """Return the result's papers: recipe, licence, and as lineage what each input said of itself."""
    inputs = [source.checkpoint for source in sources]
    parents = [
        parent_of(m.name, m.fingerprint, checkpoint) for m, checkpoint in zip(recipe.models, inputs, strict=True)
    ]
    licence = strictest(checkpoint.metadata.get("licence") for checkpoint in inputs)
    metadata = {"format": FORMAT, KEY: to_json(recipe), "lineage": {"blend": parents}}
    return metadata if licence is None else {**metadata, "licence": licence}
