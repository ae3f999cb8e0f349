"""What a picture says of its making, under one key: the command, the version, the models and their recipe, the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blendgan import __version__
from blendgan.recipe import KEY

if TYPE_CHECKING:
    from blendgan.sources import Source
    from stylegan2.checkpoints import Checkpoint

METADATA_KEY = "blendgan"  # of the text in a PNG file


def papers(command: str, *sources: Source) -> dict[str, Any]:
    """Return who drew a picture, and with which models; the command adds what else there is to say.

    Of a model's path only the name: pictures travel, and folders are private. A blend that drew alone is told with its
    recipe, which keeps its models' names as they were given, so that it can be carried out again.
    """
    said: dict[str, Any] = {"command": command, "version": __version__}
    if sources:
        said["models"] = [_named(source) for source in sources]
    return said | _recipe_of(sources[0].checkpoint) if len(sources) == 1 else said


def text_of(said: Mapping[str, Any]) -> dict[str, str]:
    """Return papers as the text chunks of a PNG file."""
    return {METADATA_KEY: json.dumps(said)}


def _named(source: Source) -> dict[str, str]:
    return {"name": Path(source.name).name, "fingerprint": source.fingerprint}


def _recipe_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """The recipe that made a blended model, under its key; of others nothing, nor a recipe they recommend."""
    lineage = checkpoint.metadata.get("lineage")
    is_blend = isinstance(lineage, Mapping) and "blend" in lineage and KEY in checkpoint.metadata
    return {KEY: checkpoint.metadata[KEY]} if is_blend else {}
