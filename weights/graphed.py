"""The trainer's step as two CUDA graphs, one of them with R1: thousands of launches become one.

Networks, losses, augmentation (bgc) and lazy regularisation are those of `stylegan2.train`. What differs: random
numbers come from the device's own generator, and pictures are gathered there, mirrored at random. It made the shipped
models by `train_graphed.py` and `train_encoder_graphed.py`; it was tidied since, and no device has run this form of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from stylegan2.train import TrainingConfig, ema
from stylegan2.train.augment_colour import apply_colour, colour_matrices
from stylegan2.train.augment_geometry import apply_geometry, blit_matrices, geometry_matrices
from stylegan2.train.data import from_bytes
from stylegan2.train.dice import Dice
from stylegan2.train.generator_step import GeneratorTerm
from stylegan2.train.losses import discriminator_loss, generator_loss, r1_penalty
from stylegan2.train.state import TrainingState

WARM_UP = 3  # batches before a capture
FIGURES = ("loss_g", "loss_d", "r_t", "real", "fake", "loss_term", "r1")


def capture(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Return what repeats the work; without CUDA that is the work itself."""
    if device.type != "cuda":
        return work
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def adam(old: torch.optim.Adam, rate: Tensor) -> torch.optim.Adam:
    """Return the same Adam in a form that a graph can hold; its rate is a number on the device."""
    (group,) = old.param_groups
    on_device = rate.is_cuda
    return torch.optim.Adam(
        group["params"],
        lr=rate if on_device else group["lr"],
        betas=group["betas"],
        eps=group["eps"],
        capturable=on_device,
        foreach=on_device,
    )


@torch.no_grad()
def follow(averages: list[Tensor], tensors: list[Tensor], share: Tensor) -> None:
    """Move the averages toward the tensors by a share that is on the device."""
    apart = torch._foreach_sub(tensors, averages)
    torch._foreach_mul_(apart, share)
    torch._foreach_add_(averages, apart)


class GraphedTrainer:
    """A run's state, moved by graphs. pixels: uint8 [N, 3, R, R] on the device; term: added to G's loss."""

    def __init__(
        self, state: TrainingState, config: TrainingConfig, pixels: Tensor, term: GeneratorTerm | None
    ) -> None:
        self.state, self.config, self.pixels, self.term = state, config, pixels, term
        self.device = device = pixels.device
        self.p = torch.tensor(state.augment_p, device=device)
        self.rates = [
            torch.tensor(o.param_groups[0]["lr"], device=device) for o in (state.optimizer_g, state.optimizer_d)
        ]
        self.full_rates = [float(rate) for rate in self.rates]
        state.optimizer_g = adam(state.optimizer_g, self.rates[0])
        state.optimizer_d = adam(state.optimizer_d, self.rates[1])
        self.share = torch.tensor(1.0, device=device)  # of the average that a batch replaces
        self.sums = torch.zeros(len(FIGURES) + 1, device=device)  # the last counts batches
        self.index = torch.zeros(config.batch, dtype=torch.long, device=device)
        self.order = self.index[:0]
        self.steps: dict[bool, Callable[[], None]] = {}

    def step(self) -> None:
        """Show one batch."""
        regularised = self.state.batches % self.config.r1_interval == 0
        self._choose_pictures()
        if regularised not in self.steps:
            self.steps[regularised] = capture(lambda: self._both(regularised=regularised), self.device)
        self.steps[regularised]()
        self.state.batches += 1

    def settle(self, rate_factor: float) -> dict[str, float]:
        """Set rates, moving average and p for the next batches. Returns means over those since the last time.

        Raises FloatingPointError where one is not finite.
        """
        state, config = self.state, self.config
        *sums, count = self.sums.tolist()
        self.sums.zero_()
        if not all(map(math.isfinite, sums)):
            raise FloatingPointError(f"not finite after batch {state.batches}: {sums}")
        for rate, full in zip(self.rates, self.full_rates, strict=True):
            rate.fill_(full * rate_factor)
        kimg = state.batches * config.batch / 1000
        self.share.fill_(1 - ema.decay_for(config.ema_kimg, kimg, config.batch, config.ema_rampup))
        figures = dict(zip(FIGURES, (x / max(count, 1) for x in sums), strict=True))
        self._adapt(figures["r_t"], count)
        return {"kimg": kimg, **figures, "augment_p": state.augment_p, "rate_factor": rate_factor}

    def _adapt(self, r_t: float, batches: float) -> None:
        if self.config.ada_target is None:
            return
        change = self.config.batch * batches / (self.config.ada_kimg * 1000)
        p = self.state.augment_p + (change if r_t > self.config.ada_target else -change)
        self.state.augment_p = min(max(p, 0.0), 1.0)
        self.p.fill_(self.state.augment_p)

    def _choose_pictures(self) -> None:
        while len(self.order) < self.config.batch:
            self.order = torch.cat([self.order, torch.randperm(len(self.pixels), device=self.device)])
        self.index.copy_(self.order[: self.config.batch])
        self.order = self.order[self.config.batch :]

    def _both(self, *, regularised: bool) -> None:
        """A step of G, a step of D, the moving average."""
        fakes, of_g = self._step_generator()
        of_d = self._step_discriminator(fakes, regularised=regularised)
        state = self.state
        follow(list(state.average.parameters()), list(state.generator.parameters()), self.share)
        with torch.no_grad():
            for mean, current in zip(state.average.buffers(), state.generator.buffers(), strict=True):
                mean.copy_(current)
            figures = of_g | of_d
            self.sums += torch.stack([*(figures[name].detach() for name in FIGURES), torch.ones_like(self.p)])

    def _step_generator(self) -> tuple[Tensor, dict[str, Tensor]]:
        state, generator = self.state, self.state.generator
        state.optimizer_g.zero_grad(set_to_none=True)
        state.discriminator.requires_grad_(False)
        w = generator.mapping.map(torch.randn([self.config.batch, generator.config.z_dim], device=self.device))
        ws = w[:, None].expand(-1, generator.config.num_ws, -1)
        fakes: Tensor = generator.synthesis(ws, "random")
        loss = generator_loss(state.discriminator(self._augmented(fakes)))
        term = torch.zeros_like(loss) if self.term is None else self.term(generator, ws)
        (loss + term).backward()
        state.optimizer_g.step()
        if not self.config.freeze_mapping:
            generator.mapping.w_avg.lerp_(w.detach().mean(dim=0), 1 - generator.config.w_avg_decay)
        state.discriminator.requires_grad_(True)
        return fakes.detach(), {"loss_g": loss, "loss_term": term}

    def _step_discriminator(self, fakes: Tensor, *, regularised: bool) -> dict[str, Tensor]:
        state, config = self.state, self.config
        state.optimizer_d.zero_grad(set_to_none=True)
        real = from_bytes(self.pixels[self.index])
        flips = torch.rand([len(real), 1, 1, 1], device=self.device) < 0.5
        real = torch.where(flips, real.flip(3), real).requires_grad_(regularised)
        fake_logits = state.discriminator(self._augmented(fakes))
        real_logits = state.discriminator(self._augmented(real))
        loss = discriminator_loss(real_logits, fake_logits)
        penalty = r1_penalty(real_logits, real) if regularised else torch.zeros_like(loss)
        (loss + penalty * (config.gamma * config.r1_interval)).backward()
        state.optimizer_d.step()
        return {
            "loss_d": loss,
            "r_t": real_logits.sign().mean(),
            "real": real_logits.mean(),
            "fake": fake_logits.mean(),
            "r1": penalty,
        }

    def _augmented(self, pictures: Tensor) -> Tensor:
        """What `augment` does for bgc; every picture goes all the way, since a graph cannot choose."""
        draw = torch.cuda.default_generators[self.device.index or 0] if self.device.type == "cuda" else None
        dice = Dice(len(pictures), self.p, draw or torch.default_generator)
        size = (pictures.shape[3], pictures.shape[2])
        matrices = blit_matrices(dice, size) @ geometry_matrices(dice, size)
        still = (matrices == torch.eye(3, device=self.device)).flatten(1).all(dim=1)
        moved = torch.where(still[:, None, None, None], pictures, apply_geometry(pictures, matrices))
        return apply_colour(moved, colour_matrices(dice))
