"""Turn a snapshot of the shipped run into a file of its history: the moving average alone, fp16, with its papers.

python weights/release_history.py runs/1/network-snapshot-000020.safetensors 20
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # release.py lies beside this file, in no package
from release import PAPERS  # noqa: E402

from stylegan2 import checkpoints
from stylegan2.checkpoints import Checkpoint

HISTORY = Path(__file__).resolve().parent / "history"
NAME = "portraits"


def remembered(snapshot: Checkpoint, kimg: int) -> Checkpoint:
    """Return what a snapshot draws with, and nothing else."""
    kept = [name for name in snapshot.tensors if name.startswith(("mapping.", "synthesis."))]
    metadata = {**snapshot.metadata, "name": f"{NAME}-{kimg:06d}", "kimg": kimg, **PAPERS[NAME]}
    metadata.pop("converted_from", None)
    tensors = {name: snapshot.tensors[name].half() for name in kept}
    return replace(snapshot, tensors=tensors, metadata=metadata, discriminator=None)


def main() -> None:
    """Write weights/history/portraits-KIMG.safetensors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("kimg", type=int)
    arguments = parser.parse_args()
    HISTORY.mkdir(exist_ok=True)
    target = HISTORY / f"{NAME}-{arguments.kimg:06d}.safetensors"
    checkpoints.save(remembered(checkpoints.load(arguments.snapshot), arguments.kimg), target, replace=True)
    print(target.name, f"{target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
