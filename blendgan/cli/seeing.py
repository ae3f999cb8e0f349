"""What the commands that draw sheets and films share: options, models, and what a picture says of its making."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

import click

from blendgan.cli import options
from blendgan.cli.options import Seeds
from blendgan.recipe import SHIPPED_PAIR

if TYPE_CHECKING:
    import torch

    from blendgan.sources import Source

LAYER = re.compile(r"\s*\d{1,2}\s*")  # a 1024 px model has 0 … 17


class Layers(Seeds):
    """`0-3,6` → (0, 1, 2, 3, 6); whether the model has them is for the model to say."""

    name = "layers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse the list; a usage error names the part that is no layer."""
        if isinstance(value, tuple):
            return value
        for part in str(value).replace("-", ",").split(","):
            if not LAYER.fullmatch(part):
                self.fail(f"{value!r} are no layers; expected numbers and ranges such as 0-3,6", param, ctx)
        return super().convert(value, param, ctx)


_DRAWING = (
    options.trunc,
    options.class_index,
    click.option(
        "--recompute-w-avg", is_flag=True, help="Truncate toward a mean w that is computed anew, not the file's."
    ),
    options.device,
    options.threads,
)
_MANNERS = (options.quiet, options.no_metadata, options.debug)


def drawing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how to draw, which reach the command as one `setting`, and those of every command."""

    @wraps(command)
    def gathered(
        truncation_psi: float, class_index: int | None, recompute_w_avg: bool, device: torch.device, **others: Any
    ) -> None:
        from blendgan.rendering import Setting
        from stylegan2.memory import keep_freed_memory

        keep_freed_memory()
        w_avg: Literal["estimated", "stored"] = "estimated" if recompute_w_avg else "stored"
        command(setting=Setting(truncation_psi, class_index, w_avg, device), **others)

    decorated: Callable[..., None] = gathered
    for option in reversed((*_DRAWING, *_MANNERS)):
        decorated = option(decorated)
    return decorated


def open_pair(models: tuple[str, ...]) -> tuple[Source, Source]:
    """Return BASE and TRANSFER, or the shipped pair where no models were given."""
    from blendgan.sources import open_source

    if len(models) not in (0, 2):
        raise click.UsageError(f"models: found {len(models)}, expected BASE and TRANSFER, or none for the shipped pair")
    base, transfer = models or SHIPPED_PAIR
    return open_source(base), open_source(transfer)


def said_of(*sources: Source) -> dict[str, Any]:
    """Return what a picture or film says of its making: `papers`, and the command's options as given."""
    from blendgan.papers import papers

    context = click.get_current_context()
    given = {name: _plain(value) for name, value in sorted(context.params.items()) if name not in _LEFT_OUT}
    return papers(str(context.command.name), *sources) | given


# Where the result goes, which machine draws it, and the models, which are told with their fingerprints.
_LEFT_OUT = ("out", "device", "quiet", "no_metadata", "force", "models", "network", "base", "transfer", "sheet")


def _plain(value: Any) -> Any:
    """Return an option's value as JSON has it; an axis is its words."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
