"""Everything that moves while a network trains.

The only state is weights, optimisers, a few numbers and the count of batches: every random number of batch i comes from
a generator seeded with (seed, purpose, i), so a resumed run gives the numbers of one that was never stopped.
`stylegan2.train.step` moves it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch

from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.train import processes
from stylegan2.train.config import PRECISIONS, TrainingConfig
from stylegan2.train.data import seeded
from stylegan2.train.optimisers import discriminator_optimiser, generator_optimiser, hold_still
from stylegan2.train.precision import LossScale, compute_in

# Purposes of random numbers; 0 and 1 belong to the data.
INIT, SHOW, DRAW_G, DRAW_D, DRAW_PATHS, FAKE_LABELS, GROW = 2, 3, 4, 5, 6, 7, 8
PLAIN = ("batches", "augment_p", "signs", "path_length", "rollbacks")  # fields that are plain values


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
    path_length: float = 0.0  # running mean, which path length regularisation aims at
    scale_g: LossScale = field(default_factory=LossScale)  # of fp16
    scale_d: LossScale = field(default_factory=LossScale)
    rollbacks: int = 0  # times that the run went back from a NaN; each time it goes on with other random numbers

    def numbers(self) -> dict[str, object]:
        """Return what is neither network nor optimiser, as plain values."""
        plain = {name: getattr(self, name) for name in PLAIN}
        scales = {name: vars(getattr(self, name)) for name in ("scale_g", "scale_d")}
        return copy.deepcopy(plain | scales)

    def set_numbers(self, numbers: dict[str, object]) -> None:
        """Set what `numbers` returned; what an earlier version did not have stays as it is."""
        for name, value in numbers.items():
            setattr(self, name, LossScale(**value) if isinstance(value, dict) else copy.copy(value))


def agree(state: TrainingState) -> None:
    """Give every process the first one's networks, in case another kind of machine drew or read other last bits."""
    for network in (state.generator, state.average, state.discriminator):
        processes.copy_from_first([*network.parameters(), *network.buffers()])


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

    Raises InputError where what the run freezes is not there, or is everything.
    """
    generator, discriminator = generator.to(device).train(), discriminator.to(device).train()
    hold_still(generator, discriminator, config)
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    compute_in(PRECISIONS[config.precision], generator, discriminator)
    return TrainingState(
        generator,
        average,
        discriminator,
        generator_optimiser(generator, config),
        discriminator_optimiser(discriminator, config),
        augment_p=config.augment_p,
        scale_g=LossScale.for_precision(config.precision),
        scale_d=LossScale.for_precision(config.precision),
    )
