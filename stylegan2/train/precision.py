"""Mixed precision: which blocks compute in 16 bits, and the scale that keeps fp16's gradients in range."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stylegan2.discriminator import Discriminator, DiscriminatorBlock
from stylegan2.generator import HALF_CLAMP, Generator, SynthesisBlock
from stylegan2.layers import Conv2d, SynthesisLayer, ToRGB

HALF_BLOCKS = 4  # fp16 is for the highest four resolutions (Karras et al. 2020a, appendix C)
FIRST_SCALE, PATIENCE = 2.0**12, 1000  # a scale to start from; batches without overflow until it is doubled
LARGEST_SCALE = 2.0**24


def compute_in(dtype: torch.dtype | None, generator: Generator, discriminator: Discriminator) -> None:
    """Let blocks compute in `dtype`, weights and picture stay fp32; None ends it.

    bf16 has fp32's range, so all blocks above 4 px take it; fp16 has not, so it gets the highest four resolutions, and
    activations are clamped to ± 256 where the model has no clamp of its own.
    """
    if dtype is None:
        chosen = set()
    else:
        kept = -HALF_BLOCKS if dtype == torch.float16 else None
        chosen = set(generator.config.resolutions[1:][kept:])
    for network in (generator.synthesis, discriminator):
        for name, block in network.named_children():
            if isinstance(block, (SynthesisBlock, DiscriminatorBlock)):
                block.compute = dtype if int(name.removeprefix("b")) in chosen else None
                if block.compute == torch.float16:
                    _clamp(block)


def _clamp(block: nn.Module) -> None:
    for layer in block.children():
        if isinstance(layer, (SynthesisLayer, ToRGB, Conv2d)) and layer.clamp is None:
            layer.clamp = HALF_CLAMP


@dataclass
class LossScale:
    """The factor of a network's loss: fp16 loses gradients below 6e-8, so they are made larger and then divided.

    It is halved after a batch whose gradients overflowed, which moves no weight, and doubled after 1000 that did not.
    In other precisions it is 1 and stays so.
    """

    factor: float = 1.0
    good: int = 0  # batches since it last changed

    @classmethod
    def for_precision(cls, name: str) -> LossScale:
        """Return the scale that a run in this precision starts with."""
        return cls(FIRST_SCALE if name == "fp16" else 1.0)

    def divide(self, gradients: list[Tensor]) -> None:
        """Take the factor out of the gradients, in place."""
        if self.factor != 1:
            torch._foreach_mul_(gradients, 1 / self.factor)

    def adapt(self, gradients: list[Tensor]) -> bool:
        """Change the factor by what became of these gradients; returns whether they may be used."""
        finite = bool(torch.stack(torch._foreach_norm(gradients)).isfinite().all())
        self.good = self.good + 1 if finite else 0
        if not finite:
            self.factor = max(self.factor / 2, 1.0)
        elif self.good >= PATIENCE:
            self.factor, self.good = min(self.factor * 2, LARGEST_SCALE), 0
        return finite
