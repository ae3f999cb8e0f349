"""`LiveBlend`: a blend that is drawn while it changes.

Only the tensors whose shares changed are blended again, and only the layers from there on are computed again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import cast

from torch.nn import Parameter

from blendgan.blending import Combination, Shares, blend_fitted
from blendgan.channels import Region
from blendgan.fitting import fit
from blendgan.planning import Gains, gains_of
from blendgan.recipe import Recipe, Size
from blendgan.rendering import Renderer, Setting, renderer_of
from blendgan.sources import Source
from stylegan2.checkpoints import Checkpoint, fingerprint_mapping
from stylegan2.generator import Generator
from stylegan2.incremental import ActivationCache, IncrementalSynthesis
from stylegan2.loading import load_generator
from stylegan2.sites import Site

W_AVG = "mapping.w_avg"


class LiveBlend:
    """BASE, its TRANSFERs, and one generator that becomes whatever blend of them is asked for.

    It draws what a generator of the same recipe's blend draws, to the bit. `cache` bounds the memory of what is kept;
    it must be this blend's own.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        setting: Setting = Setting(),  # noqa: B008 — a frozen dataclass
        cache: ActivationCache | None = None,
    ) -> None:
        self.sources, self.setting = tuple(sources), setting
        self._cache = ActivationCache() if cache is None else cache
        self._shares: dict[str, Shares] = {}  # of the present blend
        self._generator: Generator | None = None
        self._fitted: dict[Size, tuple[Source, ...]] = {}
        self._gains: tuple[object, tuple[Gains | None, ...]] | None = None  # of the last channels, under their key

    def renderer(self, recipe: Recipe) -> Renderer:
        """Return what draws this recipe's blend, until another is asked for. Raises what `blend_lazily` raises."""
        fitted = self._fitted_models(recipe.size)
        table = fitted[0].sites
        blended = blend_fitted(fitted, self.sources, recipe, self._gains_of(recipe, fitted))
        shares = blended.tensors.shares if isinstance(blended.tensors, Combination) else {}
        changed = {name for name, share in shares.items() if self._shares.get(name) != share}
        generator = self._generator
        if generator is None or self._must_start_over(generator, blended, shares, changed):
            generator = self._generator = load_generator(blended)
            self._cache.clear()
            generator.synthesis = IncrementalSynthesis(
                generator.synthesis, self._cache, identities(shares, fitted[0].sites)
            )
        elif changed:
            self._change(generator, blended, changed)
            cast(IncrementalSynthesis, generator.synthesis).identities = identities(shares, table)
        self._shares = shares
        generator.metadata = blended.metadata
        return renderer_of(generator, self.setting)

    def _fitted_models(self, size: Size) -> tuple[Source, ...]:
        if size not in self._fitted:
            self._fitted[size] = fit(self.sources, size)
        return self._fitted[size]

    def _gains_of(self, recipe: Recipe, fitted: tuple[Source, ...]) -> tuple[Gains | None, ...]:
        """The last channels' gains are kept: a schedule that changes leaves them as they are. A mask's file may not."""
        channels = tuple(transfer.channels for transfer in recipe.transfers)
        if any(isinstance(one, Region) and one.mask is not None for one in channels):
            return gains_of(recipe, fitted)
        key = (channels, recipe.size)
        if self._gains is None or self._gains[0] != key:
            self._gains = (key, gains_of(recipe, fitted))
        return self._gains[1]

    def _must_start_over(
        self, generator: Generator, blended: Checkpoint, shares: Mapping[str, Shares], changed: set[str]
    ) -> bool:
        """Other tensors or sizes; or another mapping without a mean w of its own, which must be estimated anew."""
        other = generator.config != blended.config or set(shares) != set(self._shares)
        estimated = W_AVG not in shares and any(name.startswith("mapping.") for name in changed)
        return other or estimated

    def _change(self, generator: Generator, blended: Checkpoint, changed: set[str]) -> None:
        """Put new tensors in the place of those that changed; what was drawn before may still hold the old ones."""
        for name in sorted(changed):
            module, _, leaf = name.replace("synthesis.", "synthesis.network.", 1).rpartition(".")
            owner = generator.get_submodule(module)
            old, tensor = getattr(owner, leaf), blended.tensors[name].float().to(generator.device)
            setattr(owner, leaf, Parameter(tensor, old.requires_grad) if isinstance(old, Parameter) else tensor)
        if any(name.startswith("mapping.") for name in changed):
            generator.mapping_fingerprint = fingerprint_mapping(blended)


def identities(shares: Mapping[str, Shares], table: Mapping[str, Site]) -> dict[int, Hashable]:
    """Return for each resolution the shares of all its tensors: among blends of the same models, its weights' name."""
    found: dict[int, list[tuple[str, Shares]]] = {}
    for name, share in sorted(shares.items()):
        resolution = table[name].resolution
        if resolution is not None:
            found.setdefault(resolution, []).append((name, share))
    return {resolution: tuple(pairs) for resolution, pairs in found.items()}
