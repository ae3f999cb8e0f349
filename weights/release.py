"""Turn a snapshot of a training run into a shipped file: fp16, no raw generator, no noise at the end, with its papers.

python weights/release.py portraits runs/portraits/network-snapshot-000030.safetensors
python weights/release.py paintings runs/paintings/network-snapshot-000016.safetensors --swap-res 16 high
python weights/update_manifest.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from blendgan import recipe
from blendgan.recipe import Recipe, recipe_of
from blendgan.schedule import Swap
from stylegan2 import checkpoints
from stylegan2.checkpoints import RAW_PREFIX, Checkpoint

HERE = Path(__file__).resolve().parent
KAOKORE = (
    '"KaoKore Dataset" (collected by CODH from multiple organizations), doi:10.20676/00000353, CC BY-SA 4.0; '
    "trained on aligned crops of it"
)
PARLIAMENT = (
    "Trained on official portraits of Members of the UK Parliament, (c) UK Parliament, CC BY 3.0; of Members of the "
    "US Congress (works of the US government); and of staff of 18F and of the Presidential Innovation Fellows (CC0 1.0)"
)
PAPERS: dict[str, dict[str, Any]] = {
    "portraits": {"licence": "CC-BY-4.0", "attribution": PARLIAMENT},
    "cartoons": {"licence": "CC-BY-4.0", "attribution": f"{PARLIAMENT}; these were drawn as cartoons by a program"},
    "paintings": {"licence": "CC-BY-SA-4.0", "attribution": f"{KAOKORE}. Before that: {PARLIAMENT}"},
}
# The last layers' noise had learned the grain of scanned prints: dots on every face, the same in all of them.
QUIET, STRENGTH = "synthesis.b128.", ".noise_strength"


def released(name: str, snapshot: Checkpoint, preset: Recipe | None) -> Checkpoint:
    """Return the shipped form of a snapshot."""
    kept = [tensor for tensor in snapshot.tensors if not tensor.startswith(RAW_PREFIX)]
    tensors = {tensor: snapshot.tensors[tensor].half() for tensor in kept}
    tensors |= {
        name: torch.zeros_like(t) for name, t in tensors.items() if name.startswith(QUIET) and name.endswith(STRENGTH)
    }
    metadata = {**snapshot.metadata, "name": name, **PAPERS[name]}
    metadata.pop("converted_from", None)
    if preset is not None:
        metadata[recipe.KEY] = recipe.to_json(preset)
    return replace(snapshot, tensors=tensors, metadata=metadata)


def main() -> None:
    """Write weights/NAME.safetensors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(PAPERS))
    parser.add_argument("snapshot", type=Path)
    parser.add_argument(
        "--swap-res", nargs=2, metavar=("R", "SIDE"), help="the recipe that looks best, such as 16 high"
    )
    arguments = parser.parse_args()
    preset = None
    if arguments.swap_res:
        preset = recipe_of(Swap(int(arguments.swap_res[0]), arguments.swap_res[1]))
    target = HERE / f"{arguments.name}.safetensors"
    checkpoints.save(released(arguments.name, checkpoints.load(arguments.snapshot), preset), target, replace=True)
    print(target.name, f"{target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
