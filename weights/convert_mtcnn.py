"""Make mtcnn.safetensors from the wheel of facenet-pytorch 2.6.0 (MIT licence, Timothy Esler).

    pip download facenet-pytorch==2.6.0 --no-deps
    python weights/convert_mtcnn.py facenet_pytorch-2.6.0-py3-none-any.whl weights

The wheel's networks flatten feature maps as (width, height, channel) before their first dense layer; the columns
of that layer are put into torch's order (channel, height, width) here, once, so that no network has to permute.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

PARTS = {"pnet": "proposal", "rnet": "refinement", "onet": "output"}  # file in the wheel -> prefix of our names
FLATTENED = {"rnet": ("dense4.weight", 64, 3), "onet": ("dense5.weight", 128, 3)}  # name, channels, side of the maps
# One entry only: safetensors writes several in an order that changes from run to run, and the file's hash with it.
METADATA = {"source": "facenet-pytorch 2.6.0, MIT licence; MTCNN of Zhang et al. 2016, arXiv:1604.02878"}
LICENCE = "facenet_pytorch-2.6.0.dist-info/LICENSE.md"


def in_torch_order(weight: torch.Tensor, channels: int, side: int) -> torch.Tensor:
    """Reorder columns [out, (w, h, c)] to [out, (c, h, w)]."""
    return weight.reshape(-1, side, side, channels).permute(0, 3, 2, 1).reshape(len(weight), -1)


def convert(wheel: zipfile.ZipFile) -> dict[str, torch.Tensor]:
    """Read the three networks out of the wheel, under our names, as float32."""
    tensors: dict[str, torch.Tensor] = {}
    for part, prefix in PARTS.items():
        data = io.BytesIO(wheel.read(f"facenet_pytorch/data/{part}.pt"))
        state = torch.load(data, map_location="cpu", weights_only=True)
        if part in FLATTENED:
            name, channels, side = FLATTENED[part]
            state[name] = in_torch_order(state[name], channels, side)
        tensors |= {f"{prefix}.{name}": value.float().contiguous() for name, value in state.items()}
    return tensors


def main(wheel_path: Path, folder: Path) -> None:
    """Write mtcnn.safetensors and its licence into `folder`."""
    with zipfile.ZipFile(wheel_path) as wheel:
        save_file(convert(wheel), folder / "mtcnn.safetensors", metadata=METADATA)
        (folder / "LICENSE-facenet-pytorch.txt").write_bytes(wheel.read(LICENCE))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
