"""Numbers that are no numbers: where a run first came to NaN or infinity, by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from stylegan2.errors import Diverged
from stylegan2.train.state import TrainingState

Named: TypeAlias = Iterable[tuple[str, Tensor]]


def gradient_norms(state: TrainingState) -> dict[str, float]:
    """Return the Euclidean norm of the gradient of the latest step of G and of D, over all that learns."""
    return {
        name: float(torch.nn.utils.get_total_norm([tensor for _, tensor in _gradients(network)]))
        for name, network in (("generator", state.generator), ("discriminator", state.discriminator))
    }


def require_finite_step(state: TrainingState, losses: Mapping[str, float], norms: Mapping[str, float]) -> None:
    """Raise Diverged, naming the figure, the network and its tensor, where the batch just done was not finite."""
    for name, figure in losses.items():
        if not math.isfinite(figure):
            raise Diverged(f"{name} came to {figure} in batch {state.batches}")
    for name, norm in norms.items():
        if not math.isfinite(norm):
            tensor = _first_odd(_gradients(getattr(state, name)))
            where = "" if tensor is None else f", first in {tensor}"
            raise Diverged(f"the gradient of the {name} came to {norm} in batch {state.batches}{where}")


def require_finite_weights(state: TrainingState) -> None:
    """Raise Diverged, naming network and tensor, where any tensor of the three networks is not finite."""
    networks = {"generator": state.generator, "discriminator": state.discriminator, "moving average": state.average}
    for name, network in networks.items():
        tensor = _first_odd(network.state_dict().items())
        if tensor is not None:
            raise Diverged(f"{tensor} of the {name} is not finite after batch {state.batches}")


def _gradients(network: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, p.grad) for name, p in network.named_parameters() if p.grad is not None]


def _first_odd(tensors: Named) -> str | None:
    return next((name for name, tensor in tensors if not bool(tensor.isfinite().all())), None)
