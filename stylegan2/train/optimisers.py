"""Adam for both networks: what learns, how fast, and what keeps its weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from stylegan2.discriminator import Discriminator
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.train.config import TrainingConfig

BETAS, EPSILON = (0.0, 0.99), 1e-8  # Karras et al. 2020b, appendix B


def generator_optimiser(generator: Generator, config: TrainingConfig) -> torch.optim.Adam:
    """Return G's Adam: one group of parameters for every factor of the learning rate.

    Raises InputError for a factor of a resolution that G does not have, and if nothing would learn.
    """
    unknown = [r for r, _ in config.lr_scale if r not in generator.config.resolutions]
    if unknown:
        known = ", ".join(map(str, generator.config.resolutions))
        raise InputError(f"lr_scale: found {unknown[0]} px, expected one of {known}; choose another")
    groups: dict[float, list[nn.Parameter]] = {}
    for factor, parameter in _factors(generator, config):
        groups.setdefault(factor, []).append(parameter)
    if not groups:
        raise InputError("lr_scale: found 0 for every layer that may learn, expected one above 0; leave some free")
    interval = config.pl_interval if config.pl_weight else None
    return _adam([(config.learning_rate * factor, group) for factor, group in groups.items()], interval)


def discriminator_optimiser(discriminator: Discriminator, config: TrainingConfig) -> torch.optim.Adam:
    """Return D's Adam, over what FreezeD leaves it."""
    learning = [p for p in discriminator.parameters() if p.requires_grad]
    return _adam([(config.learning_rate, learning)], config.r1_interval)


def _adam(groups: list[tuple[float, list[nn.Parameter]]], interval: int | None) -> torch.optim.Adam:
    """Lazy regularisation is made up for: k/(k + 1) for the rate and in the exponent of β (appendix B).

    The penalty's gradient joins the batch's own step instead of a step after it: that moves as much and costs less.
    """
    lazy = interval / (interval + 1) if interval else 1.0
    betas = (BETAS[0], BETAS[1] ** lazy)
    parameters: list[dict[str, Any]] = [{"params": group, "lr": rate * lazy} for rate, group in groups]
    return torch.optim.Adam(parameters, lr=parameters[0]["lr"], betas=betas, eps=EPSILON)


def _factors(generator: Generator, config: TrainingConfig) -> Iterator[tuple[float, nn.Parameter]]:
    """Yield the parameters of G that learn, each with its factor of the learning rate."""
    scale = dict(config.lr_scale)
    for name, parameter in generator.named_parameters():
        network, block = name.split(".")[:2]
        factor = scale.get(int(block.removeprefix("b")), 1.0) if network == "synthesis" else 1.0
        if factor and parameter.requires_grad:
            yield factor, parameter


def hold_still(generator: Generator, discriminator: Discriminator, config: TrainingConfig) -> None:
    """Take what keeps its weights out of the computation of gradients.

    Raises InputError for a FreezeD that would leave the discriminator nothing to learn with.
    """
    layers = len(_layers(discriminator))
    if config.freezed >= layers:
        raise InputError(
            f"freezed: found {config.freezed}, expected at most {layers - 1}: this discriminator has {layers} layers, "
            "and the last must learn; choose fewer"
        )
    freeze_first_layers(discriminator, config.freezed)
    generator.mapping.requires_grad_(not config.freeze_mapping)
    for resolution, factor in config.lr_scale:
        if not factor and resolution in generator.config.resolutions:
            generator.synthesis.get_submodule(f"b{resolution}").requires_grad_(False)


def freeze_first_layers(discriminator: Discriminator, count: int) -> None:
    """FreezeD (Mo et al. 2020): the first `count` layers from the picture on keep their weights."""
    for layer in _layers(discriminator)[:count]:
        layer.requires_grad_(False)


def _layers(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if getattr(m, "weight", None) is not None]
