"""`Renderer`: a model that sits ready to draw. Seeds → z → styles → pictures, each picture drawn alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from blendgan.generation import label_of, latent_of
from stylegan2.generator import Generator
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
    def draw(self, ws: Tensor) -> Tensor:
        """ws [1, num_ws, w_dim] → a picture [1, 3, H, W] on the CPU, about [-1, 1], with the model's own noise."""
        image: Tensor = self.generator.synthesis(ws.to(self.setting.device), noise_mode="const")
        return image.cpu()

    def draw_each(self, ws: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield a picture [1, 3, H, W] for each of ws [num_ws, w_dim]."""
        for styles in ws:
            yield self.draw(styles[None])


def open_renderer(model: ModelLike, setting: Setting = Setting()) -> Renderer:  # noqa: B008 — a frozen dataclass
    """Make a model (path, shipped name or Checkpoint) ready to draw.

    Raises InputError if class and model do not fit, and what `load_generator` raises.
    """
    generator = load_generator(model).to(setting.device)
    label = label_of(generator.config, setting.class_index)
    if setting.mean_w == "estimated":
        generator.mapping.w_avg.copy_(estimate_w_avg(generator))
    return Renderer(generator, setting, None if label is None else label.to(setting.device))
