"""Ship the family of denoisers: half precision, with provenance:  python weights/release_denoisers.py runs/denoisers

The manifest's entries are made where they are missing; `update_manifest.py` then writes sizes and hashes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file
from train_denoisers import CHILD, DEPTH, LEVELS, PARENT, WIDTH

from stylegan2.store import MANIFEST

FOLDER = Path(__file__).resolve().parent
LICENCE = "Apache-2.0"  # the program's own; the pictures that it learned from are CC0 or in the public domain


def provenance(level: int) -> str:
    """Where one network is from, in a sentence."""
    what = f"DnCNN in colour, {DEPTH} convolutions of {WIDTH} channels, noise {level} of 255"
    parent, steps = LEVELS[0], (PARENT if level == LEVELS[0] else CHILD)["steps"]
    how = "from nothing" if level == parent else f"fine-tuned from denoise-{parent}"
    return f"{what}; trained by weights/train_denoisers.py on scikit-image's pictures, {steps} steps {how}"


def release(folder: Path) -> None:
    """Write `denoise-*.safetensors` beside this file, and their entries into the manifest."""
    manifest = json.loads((FOLDER / MANIFEST).read_text(encoding="utf-8"))
    for level in LEVELS:
        name = f"denoise-{level}"
        tensors = {key: tensor.half() for key, tensor in load_file(folder / f"{name}.safetensors").items()}
        said = {"source": provenance(level), "licence": LICENCE}
        save_file(tensors, FOLDER / f"{name}.safetensors", metadata=said)
        manifest[name] = {"file": f"{name}.safetensors", "sha256": "", "size": 0, **said, "kind": "restorer"}
    text = json.dumps(dict(sorted(manifest.items())), indent=2, ensure_ascii=False)
    (FOLDER / MANIFEST).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    release(Path(sys.argv[1]))
