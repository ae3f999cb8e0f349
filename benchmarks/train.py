"""A training step beside the textbook's networks, and where its time goes: python -m benchmarks.train

One batch of 16: a step of G and one of D, R1 on every 16th, Adam and the moving average; channel base 2048, at most 64
channels, no augmentation. Both start from the same weights and see the same numbers; the losses are compared too.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.figures import Row, interleave, ratio
from benchmarks.textbook import discriminate, states, synthesize
from stylegan2.memory import keep_freed_memory
from stylegan2.train import TrainingConfig, ema, open_dataset
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch, seeded
from stylegan2.train.discriminator_step import step_discriminator
from stylegan2.train.generator_step import step_generator
from stylegan2.train.losses import discriminator_loss, draw_crossovers, generator_loss, mix_styles, r1_penalty
from stylegan2.train.state import DRAW_D, DRAW_G, TrainingState, new_state
from stylegan2.train.step import parts_of, train_batch

BATCH, RESOLUTION, ROUNDS = 16, 64, 48  # rounds: three cycles of lazy R1
GOAL = 1.4
AUGMENT_P = 0.3  # an ordinary run's; the shipped ones stay below 0.1


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
    """Return all figures of training."""
    return [*beside_the_textbook(), *shares()]


def beside_the_textbook() -> list[Row]:
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


def shares() -> list[Row]:
    """Return the speed of each network's step, and the shares of augmentation (p = 0.3) and of reading in the whole.

    What augmentation takes is the difference that p makes, so its part of both backward passes counts, too.
    """
    config = TrainingConfig(batch=BATCH, ada_target=None, style_mixing=0)
    sizes = fresh_configs(RESOLUTION, channel_base=2048, channel_max=64, latent=512, mapping_layers=8)
    state = new_state(*sizes, config, torch.device("cpu"))
    parts = parts_of(state, config)
    with tempfile.TemporaryDirectory() as folder:
        data = open_dataset(_pictures_in(Path(folder)), RESOLUTION)
        batch = data.batch(0, BATCH, 0, mirror=True)
        fakes, _ = step_generator(state, config, parts, None, None)
        numbers = iter(range(1, 10**9))
        works = {
            "G": lambda: step_generator(state, config, parts, None, None),
            "D": lambda: step_discriminator(state, config, parts, batch, fakes, None),
            "plain": lambda: _step(state, batch, config, 0.0),
            "augmented": lambda: _step(state, batch, config, AUGMENT_P),
            "data": lambda: data.batch(next(numbers), BATCH, 0, mirror=True),
        }
        taken = interleave(works, ROUNDS, warm_up=2)
    speeds = {name: f"{BATCH * len(s.rounds) / sum(s.rounds):.1f} img/s" for name, s in taken.items()}
    whole = statistics.mean(taken["augmented"].rounds)
    augmentation = 1 - statistics.mean(taken["plain"].rounds) / whole
    reading = statistics.mean(taken["data"].rounds) / whole
    case = f"train, {RESOLUTION} px, batch {BATCH}"
    return [
        Row(f"{case}, a step of G", speeds["G"], "", None),
        Row(f"{case}, a step of D, R1 in every 16th", speeds["D"], "", None),
        Row(f"{case}, whole, bgc at p = {AUGMENT_P}", speeds["augmented"], f"without {speeds['plain']}", None),
        Row(f"{case}, share of augmentation", f"{augmentation:.1%}", "10 %", augmentation / 0.1, "≤ 1"),
        Row(f"{case}, share of reading", f"{reading:.1%}", "10 %", reading / 0.1, "≤ 1"),
    ]


def _step(state: TrainingState, batch: Batch, config: TrainingConfig, p: float) -> None:
    state.augment_p = p
    train_batch(state, batch, config)


def _pictures_in(folder: Path) -> Path:
    noise = np.random.default_rng(0)
    for i in range(256):
        pixels = noise.integers(0, 256, (RESOLUTION, RESOLUTION, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


if __name__ == "__main__":
    print(*rows(), sep="\n")
