"""`Renderer`: a model that sits ready to draw. Seeds → z → styles → pictures, each picture drawn alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.graphs import GraphedSynthesis, is_chosen
from stylegan2.incremental import IncrementalSynthesis
from stylegan2.loading import ModelLike, estimate_w_avg, load_generator

MeanW = Literal["stored", "estimated"]  # where truncation pulls to: the file's w_avg, or the mean of new samples


@dataclass(frozen=True)
class Setting:
    """How to draw. truncation_psi: 1 = off, 0 = the mean face. class_index: for models that have classes."""

    truncation_psi: float = 0.7  # the customary trade of variety for quality
    class_index: int | None = None
    mean_w: MeanW = "stored"
    device: torch.device = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Renderer:
    """A generator, how it draws, and the label [1, num_classes] of its class, if it has classes."""

    generator: Generator
    setting: Setting
    label: Tensor | None

    @torch.inference_mode()
    def styles(self, z: Tensor) -> Tensor:
        """z [N, z_dim] → ws [N, num_ws, w_dim], truncated."""
        label = None if self.label is None else self.label.expand(z.shape[0], -1)
        ws: Tensor = self.generator.mapping(
            z.to(self.setting.device), label, truncation_psi=self.setting.truncation_psi
        )
        return ws

    def styles_of(self, seeds: Sequence[int]) -> Tensor:
        """Return ws [seeds, num_ws, w_dim]; a seed gives the same styles in any company."""
        return torch.cat([self.styles(latent_of(seed, self.generator.config.z_dim)) for seed in seeds])

    @torch.inference_mode()
    def draw(self, ws: Tensor, noise_mode: str = "const", noise_source: torch.Generator | None = None) -> Tensor:
        """ws [1, num_ws, w_dim] → a picture [1, 3, H, W] on the CPU, about [-1, 1], not clamped.

        noise_mode: const (the model's own), random (from `noise_source`, on the model's device) or none.
        """
        image: Tensor = self.generator.synthesis(ws.to(self.setting.device), noise_mode, noise_source)
        return image.cpu()

    def draw_each(self, ws: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield a picture [1, 3, H, W] for each of ws [num_ws, w_dim]."""
        for styles in ws:
            yield self.draw(styles[None])

    def draw_seeds(self, seeds: Sequence[int]) -> Tensor:
        """Return the pictures [seeds, 3, H, W] of some seeds."""
        return torch.cat(list(self.draw_each(self.styles_of(seeds))))


def open_renderer(model: ModelLike, setting: Setting = Setting()) -> Renderer:  # noqa: B008 — a frozen dataclass
    """Make a model (path, shipped name or Checkpoint) ready to draw.

    Raises InputError if class and model do not fit, and what `load_generator` raises.
    """
    return renderer_of(load_generator(model), setting)


def renderer_of(generator: Generator, setting: Setting) -> Renderer:
    """Make an open generator ready to draw: it itself goes to the setting's device and takes the mean w asked for.

    Raises InputError if class and model do not fit.
    """
    label = label_of(generator.config, setting.class_index)
    if generator.device != setting.device:  # asking every tensor takes milliseconds, which a live blend does not have
        generator = generator.to(setting.device)
    if setting.mean_w == "estimated":
        generator.mapping.w_avg = estimate_w_avg(generator)  # in place it could be the caller's checkpoint
    if is_chosen(setting.device) and not isinstance(generator.synthesis, (GraphedSynthesis, IncrementalSynthesis)):
        generator.synthesis = GraphedSynthesis(generator.synthesis)
    return Renderer(generator, setting, None if label is None else label.to(setting.device))


def draw_classes(generator: Generator, setting: Setting, seeds: Sequence[int]) -> Tensor:
    """Return the pictures [seeds, 3, H, W] of some seeds; where the model has classes, each of the next class."""
    count = generator.config.num_classes
    if not count:
        return renderer_of(generator, setting).draw_seeds(seeds)
    renderers = [renderer_of(generator, replace(setting, class_index=i)) for i in range(min(count, len(seeds)))]
    return torch.cat([renderers[place % count].draw_seeds([seed]) for place, seed in enumerate(seeds)])


def latent_of(seed: int, z_dim: int) -> Tensor:
    """Return z [1, z_dim] of a seed: the first draw of numpy's RandomState, as everywhere in StyleGAN's world."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).to(torch.float32)


def label_of(config: GeneratorConfig, class_index: int | None) -> Tensor | None:
    """Return c [1, num_classes], or None without classes. Raises InputError if class and model do not fit."""
    count = config.num_classes
    if class_index is None and count == 0:
        return None
    if count == 0:
        raise InputError(f"class {class_index}: this model has no classes; leave the class out")
    if class_index is None or not 0 <= class_index < count:
        found = "class" if class_index is None else f"class {class_index}"
        raise InputError(f"{found}: this model has {count} classes; choose one, 0 … {count - 1}")
    return torch.nn.functional.one_hot(torch.tensor([class_index]), count).to(torch.float32)
