"""The options of a mask: which one, and from which resolution on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from blendgan.spatial import Masking

Command = TypeVar("Command", bound=Callable[..., Any])


def mask_options(command: Command) -> Command:
    """Add --mask and --mask-from, which `chosen_masking` reads."""
    command = click.option(
        "--mask-from", type=click.IntRange(min=4), metavar="R",
        help="Mix the feature maps from R px on. [default: 16]",
    )(command)  # fmt: skip
    return click.option(
        "--mask", metavar="REGION|FILE",
        help="Where the blend replaces BASE: eyes, mouth, hair, left, right, or a grey picture (white: the blend).",
    )(command)  # fmt: skip


def chosen_masking(mask: str | None, mask_from: int | None) -> Masking | None:
    """Read the mask. Raises UsageError for --mask-from alone, and what `load_mask` raises."""
    from blendgan.masks import load_mask
    from blendgan.spatial import Masking

    if mask is None and mask_from is not None:
        raise click.UsageError("--mask-from goes with --mask: it says from which resolution on the mask acts")
    return None if mask is None else Masking(load_mask(mask), mask_from)
