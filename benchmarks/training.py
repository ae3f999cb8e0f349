"""Training at 64 px beside the textbook's networks: python -m benchmarks.training

One batch of 16: a step of G and one of D, R1 on every 16th, Adam and the moving average; channel base 2048, at most 64
channels, no augmentation. Both start from the same weights and see the same numbers; the losses are compared too.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from benchmarks.figures import Row, interleave, ratio
from benchmarks.textbook import discriminate, states, synthesize
from stylegan2.memory import keep_freed_memory
from stylegan2.train import TrainingConfig, ema
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch, seeded
from stylegan2.train.losses import discriminator_loss, draw_crossovers, generator_loss, mix_styles, r1_penalty
from stylegan2.train.state import DRAW_D, DRAW_G, TrainingState, new_state
from stylegan2.train.step import train_batch

BATCH, RESOLUTION, ROUNDS = 16, 64, 48  # rounds: three cycles of lazy R1
GOAL = 1.4


def textbook_batch(state: TrainingState, real: Tensor, config: TrainingConfig) -> dict[str, float]:
    """What `train_batch` does, by the textbook's networks, without augmentation."""
    g, d = states(state.generator, state.discriminator)
    draw = seeded(config.seed, DRAW_G, state.batches)
    count, generator = real.shape[0], state.generator
    z = torch.randn([2, count, generator.config.z_dim], generator=draw)
    w = generator.mapping.map(z.flatten(0, 1)).unflatten(0, (2, count))
    generator.mapping.w_avg.lerp_(w.detach().mean(dim=[0, 1]), 1 - generator.config.w_avg_decay)
    ws = w[:, :, None].expand(-1, -1, generator.config.num_ws, -1)
    ws = mix_styles(ws[0], ws[1], draw_crossovers(count, generator.config.num_ws, config.style_mixing, draw))
    noise = generator.synthesis.noise_maps(count, "random", draw)
    fake = synthesize(g, generator.config, ws, {name: given for name, given in noise.items() if given is not None})
    state.discriminator.requires_grad_(False)
    loss_g = generator_loss(discriminate(d, state.discriminator.config, fake))
    state.optimizer_g.zero_grad(set_to_none=True)
    loss_g.backward()
    state.optimizer_g.step()
    state.discriminator.requires_grad_(True)
    loss_d = _textbook_discriminator_step(state, d, real, fake.detach(), config)
    state.batches += 1
    decay = ema.decay_for(config.ema_kimg, state.batches * config.batch / 1000, config.batch, config.ema_rampup)
    ema.update(state.average, generator, decay)
    return {"loss_g": loss_g.item(), "loss_d": loss_d}


def _textbook_discriminator_step(
    state: TrainingState, d: dict[str, Tensor], real: Tensor, fake: Tensor, config: TrainingConfig
) -> float:
    seeded(config.seed, DRAW_D, state.batches)
    regularised = state.batches % config.r1_interval == 0
    real = real.detach().requires_grad_(regularised)
    fake_logits = discriminate(d, state.discriminator.config, fake)
    real_logits = discriminate(d, state.discriminator.config, real)
    loss = discriminator_loss(real_logits, fake_logits)
    shown = loss.item()
    if regularised:
        loss = loss + r1_penalty(real_logits, real) * (config.gamma * config.r1_interval)
    state.optimizer_d.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer_d.step()
    return shown


def rows() -> list[Row]:
    """Return the figure, after checking that both train alike."""
    keep_freed_memory()
    config = TrainingConfig(batch=BATCH, ada_target=None)
    sizes = fresh_configs(RESOLUTION, channel_base=2048, channel_max=64, latent=512, mapping_layers=8)
    state = new_state(*sizes, config, torch.device("cpu"))
    peer = copy.deepcopy(state)
    peer.optimizer_g, peer.optimizer_d = _optimizers_of(peer, config)
    real = torch.rand([BATCH, 3, RESOLUTION, RESOLUTION], generator=torch.Generator().manual_seed(1)) * 2 - 1
    for _ in range(2):
        ours, theirs = train_batch(state, Batch(real, None), config), textbook_batch(peer, real, config)
        for name in ("loss_g", "loss_d"):
            if abs(ours[name] - theirs[name]) > 1e-3 * max(1, abs(theirs[name])):
                raise AssertionError(f"{name}: ours is {ours[name]}, the textbook's {theirs[name]}")
    taken = interleave(
        {
            "ours": lambda: train_batch(state, Batch(real, None), config),
            "textbook": lambda: textbook_batch(peer, real, config),
        },
        ROUNDS,
        warm_up=2,
    )
    speeds = {name: BATCH * len(seconds.rounds) / sum(seconds.rounds) for name, seconds in taken.items()}
    return [
        Row(
            f"train, {RESOLUTION} px, batch {BATCH}, fp32",
            f"{speeds['ours']:.1f} img/s",
            f"textbook {speeds['textbook']:.1f} img/s",
            ratio(taken["textbook"], taken["ours"]),
            f"≥ {GOAL}",
        )
    ]


def _optimizers_of(state: TrainingState, config: TrainingConfig) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """A deep copy's optimisers would move the copied parameters only by luck; make them anew."""
    lazy = config.r1_interval / (config.r1_interval + 1)
    rate = config.learning_rate
    return (
        torch.optim.Adam(state.generator.parameters(), lr=rate, betas=(0.0, 0.99)),
        torch.optim.Adam(state.discriminator.parameters(), lr=rate * lazy, betas=(0.0, 0.99**lazy)),
    )


if __name__ == "__main__":
    print(*rows(), sep="\n")
