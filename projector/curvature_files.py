"""Curvatures in files: safetensors in fp16, with the mapping network that they belong to; and by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from projector.curvature import Curvature
from stylegan2 import store
from stylegan2.checkpoints.atomic import writing
from stylegan2.checkpoints.native import StoredTensors
from stylegan2.errors import BlendganError, CheckpointError

KEY = "blendgan.curvature"  # the file's one piece of metadata: the fingerprint of the mapping network
ADVICE = "expected one that weights/measure_curvature.py wrote"


def save_curvature(curvature: Curvature, path: Path) -> None:
    """Write a curvature, whole or not at all; a file of that name is replaced. Raises InputError where it cannot be."""
    from safetensors.torch import save  # written when a model is released, and never else

    tensors = {"directions": curvature.directions.half().cpu(), "curvatures": curvature.curvatures.float().cpu()}
    with writing(path) as file:
        file.write(save({n: t.contiguous() for n, t in tensors.items()}, {KEY: curvature.mapping}))


def load_curvature(path: Path) -> Curvature:
    """Return the curvature of a file, on the CPU. Raises Truncated, and CheckpointError for a file that holds none."""
    try:
        tensors = StoredTensors.of_file(path)
        directions, curvatures = tensors["directions"].float(), tensors["curvatures"].float()
        found = Curvature(directions, curvatures, tensors.metadata[KEY])
    except (KeyError, OSError, BlendganError) as error:
        raise CheckpointError(f"{path}: holds no curvature that can be read ({error}); {ADVICE}") from error
    if directions.ndim != 2 or curvatures.shape != directions.shape[:1] or not bool((curvatures >= 0).all()):
        raise CheckpointError(
            f"{path}: found {list(directions.shape)} directions and {list(curvatures.shape)} curvatures; {ADVICE}"
        )
    return found


def curvature_for(mappings: Iterable[str]) -> Curvature | None:
    """Return the curvature of the manifest that belongs to one of these mapping networks, the first first; or None.

    `mappings`: fingerprints, as `projector.latent.family` yields them.
    """
    entry = store.companion("curvature", mappings)
    return None if entry is None else load_curvature(entry.path)
