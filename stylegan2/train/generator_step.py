"""One step of the generator: the adversarial loss, whatever the caller adds, and path lengths now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylegan2.generator import Generator, SynthesisNetwork
from stylegan2.train.augment import Changes, apply_changes, draw_changes
from stylegan2.train.config import TrainingConfig
from stylegan2.train.data import seeded
from stylegan2.train.losses import draw_crossovers, generator_loss, mix_styles, path_lengths
from stylegan2.train.optimisers import freeze_first_layers
from stylegan2.train.parts import Parts, at
from stylegan2.train.state import DRAW_G, DRAW_PATHS, TrainingState
from stylegan2.train.update import Update, to_numbers

# (generator, ws [N, num_ws, w_dim] of a part, with its graph) -> a scalar, a mean over N, that joins G's loss
GeneratorTerm = Callable[[Generator, Tensor], Tensor]
Noise = dict[str, Tensor]


@dataclass(frozen=True)
class Fakes:
    """All random numbers of a step of G, for the whole batch: the parts take theirs."""

    z: Tensor  # [2, N, z_dim], two latents for a picture
    crossovers: Tensor  # [N], the layer from which on it follows the second
    noise: Noise  # [N, 1, h, w] of each layer
    changes: Changes  # what D sees is augmented
    labels: Tensor | None  # [N, num_classes]


def step_generator(
    state: TrainingState, config: TrainingConfig, parts: Parts, labels: Tensor | None, term: GeneratorTerm | None
) -> tuple[list[Tensor], dict[str, float]]:
    """One step of G. Returns the pictures [n, 3, H, W] of each part here, for D to see as well, and the figures."""
    drawn = _draw(state, config, labels)
    update = Update(state.optimizer_g, state.scale_g, parts, checked=config.precision == "fp16")
    state.discriminator.requires_grad_(False)
    pictures = [_add_part(update, state, drawn, places, term) for places in parts.places]
    state.discriminator.requires_grad_(True)
    freeze_first_layers(state.discriminator, config.freezed)
    if config.pl_weight and state.batches % config.pl_interval == 0:
        _add_path_lengths(update, state, config, labels)
    figures = update.finish()
    mean_w = figures.pop("mean_w")
    if not config.freeze_mapping:  # else it would only waver, and the mapping network stay no other's
        state.generator.mapping.w_avg.lerp_(mean_w, 1 - state.generator.config.w_avg_decay)
    if "path_length" in figures:
        state.path_length += config.pl_decay * (figures["path_length"].item() - state.path_length)
    return pictures, to_numbers(figures)


def _draw(state: TrainingState, config: TrainingConfig, labels: Tensor | None) -> Fakes:
    device, g_config, count = state.generator.device, state.generator.config, config.batch
    draw = seeded(config.seed, DRAW_G, state.batches, device)
    z = torch.randn([2, count, g_config.z_dim], generator=draw, device=device)
    crossovers = draw_crossovers(count, g_config.num_ws, config.style_mixing, draw)
    noise = _noise(state.generator.synthesis, count, draw)
    size = (g_config.image_size[1], g_config.image_size[0])
    return Fakes(z, crossovers, noise, draw_changes(config.augpipe, count, size, state.augment_p, draw), labels)


def _add_part(
    update: Update, state: TrainingState, drawn: Fakes, places: Sequence[int], term: GeneratorTerm | None
) -> Tensor:
    """Draw a part's pictures, add its loss and gradients. Returns the pictures [n, 3, H, W]."""
    generator, labels = state.generator, None if drawn.labels is None else at(drawn.labels, places)
    z = torch.stack([at(one, places) for one in drawn.z])  # [2, n, z_dim]
    twice = None if labels is None else labels.repeat(2, 1)
    w = generator.mapping.map(z.flatten(0, 1), twice).unflatten(0, z.shape[:2])  # [2, n, w_dim]
    ws = w[:, :, None].expand(-1, -1, generator.config.num_ws, -1)
    ws = mix_styles(ws[0], ws[1], at(drawn.crossovers, places))
    pictures: Tensor = generator.synthesis(ws, noise={name: at(noise, places) for name, noise in drawn.noise.items()})
    logits = state.discriminator(apply_changes(pictures, drawn.changes.at(places)), labels)
    loss = generator_loss(logits)
    figures = {"loss_g": loss, "mean_w": w.mean(dim=[0, 1])}
    if term is not None:
        figures["loss_term"] = term(generator, ws)
        loss = loss + figures["loss_term"]
    update.add(loss, **figures)
    return pictures.detach()


def _add_path_lengths(update: Update, state: TrainingState, config: TrainingConfig, labels: Tensor | None) -> None:
    """Path length regularisation: E(‖Jᵀy‖ − a)² over half a batch of new latents, a their running mean so far.

    (Karras et al. 2020b, section 3.2 and appendix B: weight 2, decay 0.01, half of the batch.)
    """
    generator, device = state.generator, state.generator.device
    count = max(config.batch // 2, 1)
    draw = seeded(config.seed, DRAW_PATHS, state.batches, device)
    z = torch.randn([count, generator.config.z_dim], generator=draw, device=device)
    noise = _noise(generator.synthesis, count, draw)
    y = torch.randn([count, 3, *generator.config.image_size], generator=draw, device=device)
    zero = torch.zeros([], device=device)
    update.note("path_length", zero)  # a process may have no share of so few
    update.note("path_penalty", zero)
    for places in filter(None, update.parts.share(count)):
        w = generator.mapping.map(at(z, places), None if labels is None else at(labels[:count], places))
        ws = w[:, None].repeat(1, generator.config.num_ws, 1)
        ws = ws if ws.requires_grad else ws.requires_grad_()  # a frozen mapping network
        pictures = generator.synthesis(ws, noise={name: at(layer, places) for name, layer in noise.items()})
        lengths = path_lengths(pictures, ws, at(y, places))
        penalty = (lengths - state.path_length).square().sum() / count
        update.note("path_length", lengths.sum() / count)
        update.note("path_penalty", penalty)
        (penalty * (update.scale.factor * config.pl_weight * config.pl_interval)).backward()


def _noise(synthesis: SynthesisNetwork, count: int, draw: torch.Generator) -> Noise:
    return {name: noise for name, noise in synthesis.noise_maps(count, "random", draw).items() if noise is not None}
