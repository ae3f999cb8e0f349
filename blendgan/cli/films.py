"""The options of a film, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
MOST_FRAMES_PER_SECOND = 120


def film_options(*, frames: int) -> Callable[[Command], Command]:
    """Add --frames, --fps and -o; `frames` is the default of the first."""
    added = (
        click.option(
            "-o",
            "--out",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The film: .mp4 (H.264, needs blendgan[video]), .webp or .gif. [default: .mp4 if it can be]",
        ),
        click.option(
            "--fps",
            type=click.IntRange(1, MOST_FRAMES_PER_SECOND),
            default=30,
            show_default=True,
            help="Frames per second.",
        ),
        click.option(
            "--frames", type=click.IntRange(min=2), default=frames, show_default=True, help="Of the whole film."
        ),
    )

    def decorate(command: Command) -> Command:
        for option in added:
            command = option(command)
        return command

    return decorate


def target(out: Path | None, stem: str) -> Path:
    """Return where the film goes. Raises InputError for a form that cannot be written here, before any work."""
    from blendgan.video import check_target, default_ending

    path = Path(stem + default_ending()) if out is None else out
    check_target(path)
    return path
