"""The losses, each over a batch: what generator and discriminator minimise (Karras et al. 2020b, section 2 and 3)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating loss −log σ(D(G(z))) (Goodfellow et al. 2014), logits [N, 1] -> scalar."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """−log σ(D(x)) − log(1 − σ(D(G(z)))), logits [N, 1] -> scalar."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """½ · E‖∇ₓ D(x)‖² (Mescheder et al. 2018), to be weighted by γ; `real` [N, 3, H, W] must require gradients."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    return gradient.square().sum(dim=[1, 2, 3]).mean() / 2


def path_lengths(pictures: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """How far a picture moves for a step in w: ‖Jᵀy‖, y of unit variance in all (Karras et al. 2020b, section 3.2).

    pictures [N, 3, H, W] drawn from ws [N, num_ws, w_dim], noise [N, 3, H, W] from N(0, 1) -> [N]; over the layers the
    mean square is taken.
    """
    y = noise / math.sqrt(pictures.shape[2] * pictures.shape[3])
    (gradient,) = torch.autograd.grad((pictures * y).sum(), ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def draw_crossovers(count: int, num_ws: int, probability: float, generator: torch.Generator) -> Tensor:
    """Return for each sample the layer at which it changes to its other latent, [N]: num_ws, never, unless it is mixed.

    Style mixing (Karras et al. 2019, section 3.1).
    """
    device = generator.device
    crossover = torch.randint(1, num_ws, [count], generator=generator, device=device)
    mixed = torch.rand([count], generator=generator, device=device) < probability
    return torch.where(mixed, crossover, num_ws)


def mix_styles(ws: Tensor, other: Tensor, crossovers: Tensor) -> Tensor:
    """Take the other latent's styles from layer `crossovers` [N] on; ws, other [N, num_ws, w_dim] -> the same."""
    layers = torch.arange(ws.shape[1], device=ws.device)
    return torch.where(layers[None, :, None] < crossovers[:, None, None], ws, other)
