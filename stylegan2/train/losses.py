"""The losses, each over a batch: what generator and discriminator minimise (Karras et al. 2020b, section 2 and 3)."""

from __future__ import annotations

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


def mix_styles(ws: Tensor, other: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Style mixing (Karras et al. 2019, section 3.1): from a random layer on, take the other latent's styles.

    ws, other [N, num_ws, w_dim] -> [N, num_ws, w_dim]; the crossover is drawn per sample.
    """
    n, num_ws, _ = ws.shape
    device = generator.device
    crossover = torch.randint(1, num_ws, [n, 1, 1], generator=generator, device=device)
    mixed = torch.rand([n, 1, 1], generator=generator, device=device) < probability
    keep = torch.arange(num_ws, device=device)[None, :, None] < crossover
    return torch.where(keep | ~mixed, ws, other)
