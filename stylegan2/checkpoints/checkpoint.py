"""`Checkpoint`: a model as data. Tensors under our own names, the records that say what they are, and metadata.

Names (docs/architecture.md has the whole list):

    mapping.fc{i}.weight|bias   mapping.embed.weight|bias   mapping.w_avg
    synthesis.b{r}.const        synthesis.b{r}.skip.weight
    synthesis.b{r}.{conv0|conv1|torgb}.{weight|bias|noise_strength|noise_const}   ….affine.weight|bias
    discriminator.*             the same for the discriminator, where the file has one
    raw.mapping.* raw.synthesis.*   the generator without the moving average, where the file has both
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stylegan2.config import DiscriminatorConfig, GeneratorConfig

if TYPE_CHECKING:
    from torch import Tensor

DISCRIMINATOR_PREFIX = "discriminator."
RAW_PREFIX = "raw."  # the generator that training moves; the plain names hold its moving average


@dataclass(frozen=True)
class Checkpoint:
    """A generator, and whatever came with it in its file.

    `tensors` may read lazily. `metadata` holds plain JSON values: `format` always; `lineage`, `licence`, `recipe`
    and the rest where the file has them.
    """

    config: GeneratorConfig
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    discriminator: DiscriminatorConfig | None = None

    def save(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Write the native safetensors file; `native.save` says how. Raises InputError where the file exists."""
        from stylegan2.checkpoints.native import save  # native builds checkpoints, so it stands above this module

        save(self, path, replace=replace)
