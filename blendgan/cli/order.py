"""What the command line says of a studio's models, as words: any process can open the studio from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blendgan.cli.auto import require_alone, with_search
from blendgan.cli.masks import chosen_masking
from blendgan.cli.recipes import Given, given_recipe, opened
from blendgan.cli.toonify_models import opened_studio, styled
from blendgan.cli.toonify_options import named_models

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
    grid: tuple[int, ...] | None = None
    auto: bool = False  # whether a schedule is searched for

    def open(self) -> Studio:
        """Load and blend the models."""
        from stylegan2.memory import keep_freed_memory

        keep_freed_memory()
        masking = chosen_masking(self.mask, self.mask_from)
        blend = opened(self.models, self.given)
        studio = opened_studio(blend, self.device, masking, self.grid, self.encoder)
        return with_search(studio, *blend) if self.auto else studio

    def maker(self) -> str:
        """Return what decides the results besides photo and settings: version, recipe with fingerprints, mask …"""
        from blendgan import __version__, recipe
        from blendgan.blending import blend_lazily
        from stylegan2.store import sha256_of

        blended = blend_lazily(*opened(self.models, self.given))
        masking = chosen_masking(self.mask, self.mask_from)
        mask = None if masking is None else [masking.mask.digest, masking.from_resolution]
        is_file = self.encoder is not None and Path(self.encoder).is_file()
        encoder = sha256_of(Path(str(self.encoder))) if is_file else self.encoder
        return json.dumps(
            [__version__, blended.metadata[recipe.KEY], mask, encoder, self.grid, self.auto], sort_keys=True
        )


def order_of(base: str, transfer: str, device: torch.device, chosen: dict[str, Any]) -> Order:
    """Take the words out of a command's options."""
    if chosen["auto"]:
        require_alone()
    given, models = styled(given_recipe(chosen), named_models(base, transfer), chosen["style"])
    words = (chosen[name] for name in ("mask", "mask_from", "encoder", "grid", "auto"))
    return Order(models, given, device, *words)
