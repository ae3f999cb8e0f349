"""What the command line says of a studio's models, as words: any process can open the studio from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blendgan.cli.masks import chosen_masking
from blendgan.cli.recipes import Given, opened

if TYPE_CHECKING:
    import torch

    from blendgan.toonification import Studio


@dataclass(frozen=True)
class Order:
    """Models of the command line (none: the recipe's, or the shipped pair), what it says of the blend, and where."""

    models: tuple[str, ...]
    given: Given
    device: torch.device
    mask: str | None = None
    mask_from: int | None = None
    encoder: str | None = None

    def open(self) -> Studio:
        """Load and blend the models."""
        from blendgan.toonification import studio_of
        from stylegan2.memory import keep_freed_memory

        keep_freed_memory()
        sources, recipe = opened(self.models, self.given)
        return studio_of(sources, recipe, self.device, chosen_masking(self.mask, self.mask_from), self.encoder)

    def maker(self) -> str:
        """Return what decides the results besides photo and settings: version, recipe with fingerprints, mask."""
        from blendgan import __version__, recipe
        from blendgan.blending import blend_lazily
        from blendgan.journal import digest

        blended = blend_lazily(*opened(self.models, self.given))
        masking = chosen_masking(self.mask, self.mask_from)
        mask = None if masking is None else [masking.mask.digest, masking.from_resolution]
        is_file = self.encoder is not None and Path(self.encoder).is_file()
        encoder = digest(Path(str(self.encoder))) if is_file else self.encoder
        return json.dumps([__version__, blended.metadata[recipe.KEY], mask, encoder], sort_keys=True)
