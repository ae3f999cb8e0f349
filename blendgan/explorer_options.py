"""`ExplorerOptions`: what `blendgan explore` was told, handed to the app's process as one argument."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from blendgan.recipe import SHIPPED_PAIR


@dataclass(frozen=True)
class ExplorerOptions:
    """The models that the pages offer, the first as BASE, the second as TRANSFER; threads None: as torch has it."""

    models: tuple[str, ...] = SHIPPED_PAIR
    threads: int | None = None
    device: str = "cpu"
    max_upload_mb: int = 200


def dumps(options: ExplorerOptions) -> str:
    """Return the options as one argument of a command line."""
    return json.dumps(asdict(options))


def read(arguments: Sequence[str]) -> ExplorerOptions:
    """Read the arguments that the app was started with; none mean the shipped pair."""
    if not arguments:
        return ExplorerOptions()
    values = json.loads(arguments[0])
    return ExplorerOptions(**values | {"models": tuple(values["models"])})
