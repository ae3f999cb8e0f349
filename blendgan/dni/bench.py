"""Two networks on one bench: pictures in, the restored pictures of either, or of any network between, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from blendgan.dni.labels import labels
from blendgan.dni.mixing import check_alike, interpolate
from blendgan.dni.network_files import NetworkFile
from blendgan.restoration.recognition import recognise
from blendgan.restoration.restorer import Restorer
from blendgan.restoration.tiles import restore_pictures
from stylegan2.errors import ShapeMismatch

Mend = Callable[[Restorer, float], Restorer]  # a network between and its α → the same, repaired


@dataclass(frozen=True, eq=False)
class Bench:
    """A and B, of one architecture, and their tensors; `labels` are their names as tables show them.

    `mend` is done to every network between, never to the ends.
    """

    a: NetworkFile
    b: NetworkFile
    states: tuple[Mapping[str, Tensor], Mapping[str, Tensor]]
    restorers: tuple[Restorer, Restorer]
    labels: tuple[str, str]
    mend: Mend | None = None

    @property
    def channels(self) -> int:
        """Channels of the pictures: 3 colour, 1 grey."""
        return self.restorers[0].channels

    @property
    def scale(self) -> int:
        """How many times larger the result is than what is given."""
        return self.restorers[0].scale

    def network(self, alpha: float) -> Restorer:
        """Return the network with the share α of B; at 0 and 1 the very ends."""
        if alpha in (0, 1):
            return self.restorers[int(alpha)]
        between = self.restorers[0].with_tensors(interpolate(self.states, (1 - alpha, alpha)))
        return between if self.mend is None else self.mend(between, alpha)


def open_bench(a: NetworkFile, b: NetworkFile, device: torch.device | None = None) -> Bench:
    """Recognise two networks, on the CPU or another device.

    Raises UnknownFormat for networks that are not known, and ShapeMismatch, which names the first tensor that differs,
    for two that are not of one architecture.
    """
    check_alike([a, b])
    states = dict(a.tensors), dict(b.tensors)
    device = device or torch.device("cpu")
    first, second = recognise(states[0], a.name).to(device), recognise(states[1], b.name).to(device)
    if (first.architecture, first.channels, first.scale) != (second.architecture, second.channels, second.scale):
        raise ShapeMismatch(
            f"{b.name}: found a {second.architecture}, expected a {first.architecture} as {a.name} is; "
            "choose two networks of one architecture"
        )
    name_a, name_b = labels([a.name, b.name])
    return Bench(a, b, states, (first, second), (name_a, name_b))


def output(restorer: Restorer, given: Tensor) -> Tensor:
    """Return the restored picture [1, C, sH, sW] of [1, C, H, W], in [0, 1] as a file would hold it, on the CPU.

    In bounded memory. Raises CheckpointError for a network that gives NaN or infinities.
    """
    return restore_pictures(restorer, given)


def mean_of_pixels(outputs: Sequence[Tensor], alpha: float) -> Tensor:
    """Return (1 - α) A + α B of the ends' own outputs: pixel interpolation (Wang et al. 2018, section 4.1)."""
    return torch.lerp(outputs[0], outputs[1], alpha)
