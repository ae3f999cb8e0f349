"""Whether the memory of the machine holds a search at some size of picture: asked before the work begins."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from blendgan.dfi.features import Layers
from projector import lbfgs
from stylegan2.errors import InputError

PICTURES = 2  # in one search: the edited one, and what the way back spoils
NUMBERS = 3 * (2 * lbfgs.MEMORY + 12)  # of the search, float32 for each pixel: its pairs, and what it has in hand
ROWS = 8  # of features, each as long as the photo's: targets, w, means, what is on the way
FLOAT_BYTES = 4
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")


def bytes_needed(features: Layers, height: int, width: int) -> int:
    """About how many bytes an edit takes, beyond the program itself: they grow with the number of pixels."""
    side = features.smallest_px
    kept: dict[int, int] = {}  # storage → its bytes: several layers may keep one map

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next(features.network.parameters()).device
    picture = torch.zeros(1, 3, side, side, device=device, requires_grad=True)
    weights = {parameter.untyped_storage().data_ptr() for parameter in features.network.parameters()}
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layers = features.layers(picture)
    activations = sum(size for place, size in kept.items() if place not in weights)
    row = sum(layer.numel() for layer in layers) * FLOAT_BYTES
    search = side * side * NUMBERS * FLOAT_BYTES
    return math.ceil((PICTURES * (activations + search) + ROWS * row) * (height * width) / side**2)


def bytes_free(device: torch.device) -> int | None:
    """How many bytes the device, or for the CPU the machine and the container, has left; None where it is not told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    try:
        most, used = (int(Path(name).read_text(encoding="ascii")) for name in LIMITS)
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free
    return min(free, most - used)


def require_room(features: Layers, height: int, width: int) -> None:
    """Raise InputError where an edit at this size needs more memory than there is."""
    free = bytes_free(next(features.network.parameters()).device)
    needed = bytes_needed(features, height, width)
    if free is not None and needed > free:
        fitting = math.isqrt(int(free / needed * height * width * max(height, width) / min(height, width)))
        raise InputError(
            f"size: {width} x {height} px would take about {needed / 1e9:,.1f} GB of memory, found {free / 1e9:,.1f} "
            f"GB free; choose at most --size {fitting // features.multiple * features.multiple}"
        )
