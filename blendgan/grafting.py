"""Models of one family but of different resolution: the larger cut down, or the smaller grown by its upper blocks.

The picture of a skip generator is a sum over resolutions, each with a to-RGB of its own (Karras et al. 2020, figure 7),
so its first blocks are a generator too: that of the picture after them. The terms that come later are large, so a model
cut in half draws with less than half of the contrast (docs/inspect.md). Tensors are not copied, only chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from blendgan.differences import differences_in_common
from blendgan.licences import strictest
from blendgan.recipe import KEY
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.checkpoints.lazy import LazyTensors, describe, pieces
from stylegan2.config import GeneratorConfig
from stylegan2.errors import RecipeError, ShapeMismatch
from stylegan2.sites import sites


class Chosen(LazyTensors):
    """Tensors of several models, each read from its own when it is asked for."""

    def __init__(self, owners: Mapping[str, Mapping[str, Tensor]]) -> None:
        self._owners = owners
        described = {id(owner): describe(owner) for owner in owners.values()}
        self.description = {name: described[id(owner)][name] for name, owner in owners.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self._owners[name][name]

    def pieces(self, name: str) -> Iterator[Tensor]:
        """Yield the tensor in slices along its first axis."""
        yield from pieces(self._owners[name], name)


def shrink(larger: Checkpoint, resolution: int) -> Checkpoint:
    """Return the generator of the larger's blocks up to `resolution` px: its own picture after that block.

    At the model's own resolution that is the model itself. Discriminator and raw generator are left behind. Raises
    RecipeError for a resolution that the model does not have, and for an architecture without a to-RGB there.
    """
    config = larger.config
    if resolution == config.resolution:
        return larger
    if resolution not in config.resolutions:
        raise RecipeError(
            f"resolution: found {resolution} px, expected one of {', '.join(map(str, config.resolutions))}"
        )
    if config.architecture != "skip":
        raise RecipeError(
            f"architecture: found {config.architecture}, whose only to-RGB is at {config.resolution} px, so it has no "
            f"picture at {resolution} px; expected skip. Graft the smaller model to {config.resolution} px instead"
        )
    smaller = _sized(config, resolution, config)
    owners = {name: larger.tensors for name in sites(smaller) if name in larger.tensors}
    return Checkpoint(smaller, Chosen(owners), _without_recipe(larger))


def graft(smaller: Checkpoint, larger: Checkpoint) -> Checkpoint:
    """Return the smaller generator with the larger's blocks above it: a generator of the larger's resolution.

    Mapping, mean w and all blocks up to its own resolution are the smaller's. Where the architecture has one to-RGB,
    that is the larger's. Of equal resolutions the smaller is returned as it is. Raises RecipeError where `smaller` is
    the larger one, ShapeMismatch, which lists all differences, for models of two architectures.
    """
    sizes = smaller.config.resolution, larger.config.resolution
    if sizes[0] >= sizes[1]:
        if sizes[0] == sizes[1]:
            return smaller
        raise RecipeError(f"graft: found a model of {sizes[0]} px for one of {sizes[1]} px; exchange the two")
    _check_alike(smaller, larger)
    config = _sized(smaller.config, larger.config.resolution, larger.config)
    ours = smaller.tensors
    owners = {name: ours if name in sites(smaller.config) else larger.tensors for name in sites(config)}
    there = {name: owner for name, owner in owners.items() if name in owner}  # w_avg and noise may be missing
    return Checkpoint(config, Chosen(there), _papers(smaller, larger))


def _sized(config: GeneratorConfig, resolution: int, of: GeneratorConfig) -> GeneratorConfig:
    """`config` at another resolution, with the channels that the model `of` has up to there."""
    channels = of.channels[: of.resolutions.index(resolution) + 1]
    return replace(config, resolution=resolution, channels=channels)


def _check_alike(smaller: Checkpoint, larger: Checkpoint) -> None:
    if found := differences_in_common(smaller, larger):
        told = [f"{one.what}: the smaller has {one.base}, the larger {one.transfer}" for one in found]
        raise ShapeMismatch(
            f"the models of {smaller.config.resolution} px and {larger.config.resolution} px do not fit: "
            f"{'; '.join(told)}. Grafting needs one architecture: choose models of one family"
        )


def _papers(smaller: Checkpoint, larger: Checkpoint) -> dict[str, object]:
    """Both models are in the result, so both licences bind it."""
    licence = strictest(model.metadata.get("licence") for model in (smaller, larger))
    grafted = {"above_px": smaller.config.resolution, "from": _without_recipe(larger)}
    papers = _without_recipe(smaller) | {"grafted": grafted}
    return papers if licence is None else papers | {"licence": licence}


def _without_recipe(checkpoint: Checkpoint) -> dict[str, object]:
    return {key: value for key, value in checkpoint.metadata.items() if key != KEY}  # it speaks of the whole model
