"""Everything that moves while a network trains, and one step of moving it.

The only state is weights, optimisers, p and the count of batches: every random number of batch i comes from a
generator seeded with (seed, purpose, i), so a resumed run gives the numbers of one that was never stopped.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator, DiscriminatorBlock
from stylegan2.errors import InputError
from stylegan2.generator import Generator, SynthesisBlock
from stylegan2.train import ema
from stylegan2.train.augment import augment
from stylegan2.train.config import PRECISIONS, TrainingConfig
from stylegan2.train.data import seeded
from stylegan2.train.losses import discriminator_loss, generator_loss, mix_styles, r1_penalty

INIT, SHOW, DRAW_G, DRAW_D = 2, 3, 4, 5  # purposes of random numbers; 0 and 1 belong to the data


@dataclass
class TrainingState:
    """Networks [G, its moving average, D], their optimisers, and what else a run carries along."""

    generator: Generator
    average: Generator
    discriminator: Discriminator
    optimizer_g: torch.optim.Adam
    optimizer_d: torch.optim.Adam
    batches: int = 0  # done so far
    augment_p: float = 0.0
    signs: list[float] = field(default_factory=list)  # mean sign of D(real) of the batches since p last changed
    rollbacks: int = 0  # times that the run went back from a NaN; each time it goes on with other random numbers


def new_state(
    g_config: GeneratorConfig, d_config: DiscriminatorConfig, config: TrainingConfig, device: torch.device
) -> TrainingState:
    """Return freshly initialised networks: a seed's own numbers, whatever the global generator is at."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.set_state(seeded(config.seed, INIT, 0).get_state())
        generator, discriminator = Generator(g_config), Discriminator(d_config)
    return state_around(generator, discriminator, config, device)


def state_around(
    generator: Generator, discriminator: Discriminator, config: TrainingConfig, device: torch.device
) -> TrainingState:
    """Return a state at batch 0 that starts from these networks.

    Raises InputError for a FreezeD that would leave the discriminator nothing to learn with.
    """
    layers = len(_layers(discriminator))
    if config.freezed >= layers:
        raise InputError(
            f"freezed: found {config.freezed}, expected at most {layers - 1}: this discriminator has {layers} layers, "
            "and the last must learn; choose fewer"
        )
    generator, discriminator = generator.to(device).train(), discriminator.to(device).train()
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    compute_in(PRECISIONS[config.precision], generator.synthesis, discriminator)
    freeze_first_layers(discriminator, config.freezed)
    lazy = config.r1_interval / (config.r1_interval + 1)  # Adam correction for lazy regularisation (appendix B)
    return TrainingState(
        generator,
        average,
        discriminator,
        torch.optim.Adam(generator.parameters(), lr=config.learning_rate, betas=(0.0, 0.99), eps=1e-8),
        torch.optim.Adam(
            [p for p in discriminator.parameters() if p.requires_grad],
            lr=config.learning_rate * lazy, betas=(0.0, 0.99**lazy), eps=1e-8,
        ),
        augment_p=config.augment_p,
    )  # fmt: skip


def compute_in(dtype: torch.dtype | None, *networks: nn.Module) -> None:
    """Mixed precision: the blocks above 4 px compute in `dtype` (Karras et al. 2020a, appendix C); None ends it."""
    for network in networks:
        for block in network.modules():
            if isinstance(block, DiscriminatorBlock) or (isinstance(block, SynthesisBlock) and not block.is_first):
                block.compute = dtype


def freeze_first_layers(discriminator: nn.Module, count: int) -> None:
    """FreezeD (Mo et al. 2020): the first `count` layers from the picture on keep their weights."""
    for layer in _layers(discriminator)[:count]:
        layer.requires_grad_(False)


def _layers(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if getattr(m, "weight", None) is not None]


def train_batch(state: TrainingState, real: Tensor, config: TrainingConfig) -> dict[str, float]:
    """Show one batch [N, 3, H, W] in [-1, 1]: one step of G, one of D, the moving average, p. Returns the losses."""
    fake, loss_g = _step_generator(state, real.shape[0], config)
    figures = _step_discriminator(state, real, fake, config)
    state.batches += 1
    shown_kimg = state.batches * config.batch / 1000
    decay = ema.decay_for(config.ema_kimg, shown_kimg, config.batch, config.ema_rampup)
    ema.update(state.average, state.generator, decay)
    _adapt_augmentation(state, config)
    return {"loss_g": loss_g, **figures}


def _step_generator(state: TrainingState, count: int, config: TrainingConfig) -> tuple[Tensor, float]:
    """One step of G. Returns the pictures [N, 3, H, W] that it made, for D to see as well, and the loss."""
    device = state.generator.device
    draw = seeded(config.seed, DRAW_G, state.batches, device)
    state.discriminator.requires_grad_(False)
    z = torch.randn([2, count, state.generator.config.z_dim], generator=draw, device=device)
    w = state.generator.mapping.map(z.flatten(0, 1)).unflatten(0, (2, count))  # [2, N, w_dim]
    state.generator.mapping.w_avg.lerp_(w.detach().mean(dim=[0, 1]), 1 - state.generator.config.w_avg_decay)
    ws = w[:, :, None].expand(-1, -1, state.generator.config.num_ws, -1)
    ws = mix_styles(ws[0], ws[1], config.style_mixing, draw)
    fake = state.generator.synthesis(ws, noise_mode="random", generator=draw)
    loss = generator_loss(state.discriminator(augment(fake, state.augment_p, draw)))
    state.optimizer_g.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer_g.step()
    state.discriminator.requires_grad_(True)
    freeze_first_layers(state.discriminator, config.freezed)
    return fake.detach(), loss.item()


def _step_discriminator(state: TrainingState, real: Tensor, fake: Tensor, config: TrainingConfig) -> dict[str, float]:
    """One step of D, with R1 on every `r1_interval`-th batch, weighted to make up for the others."""
    draw = seeded(config.seed, DRAW_D, state.batches, real.device)
    regularised = state.batches % config.r1_interval == 0
    real = real.detach().requires_grad_(regularised)
    fake_logits = state.discriminator(augment(fake, state.augment_p, draw))
    real_logits = state.discriminator(augment(real, state.augment_p, draw))
    loss = discriminator_loss(real_logits, fake_logits)
    figures = {"loss_d": loss.item(), "real": real_logits.mean().item(), "fake": fake_logits.mean().item()}
    if regularised:
        penalty = r1_penalty(real_logits, real)
        loss = loss + penalty * (config.gamma * config.r1_interval)
        figures["r1"] = penalty.item()
    state.optimizer_d.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer_d.step()
    state.signs.append(real_logits.detach().sign().mean().item())
    return figures


def _adapt_augmentation(state: TrainingState, config: TrainingConfig) -> None:
    """Move p so that r_t = E[sign D(real)] comes to the target (Karras et al. 2020a, section 3)."""
    if len(state.signs) < config.ada_interval:
        return
    r_t = overfitting(state)
    state.signs.clear()
    if config.ada_target is None:
        return
    change = config.batch * config.ada_interval / (config.ada_kimg * 1000)
    state.augment_p = min(max(state.augment_p + (change if r_t > config.ada_target else -change), 0.0), 1.0)


def overfitting(state: TrainingState) -> float:
    """r_t: mean sign of D on real pictures since p last changed; 0 = no overfitting, 1 = complete."""
    return sum(state.signs) / max(len(state.signs), 1)
