"""The three networks of MTCNN, a five-point face detector (Zhang et al. 2016, arXiv:1604.02878, figure 2).

Each looks at square RGB windows, float32 in [-1, 1], and answers with the probability of a face, the shift of the
window's edges toward the face's box, and, the last one, five points; shifts and points are shares of the window's
side. The proposal network is fully convolutional: it answers for every 12 px window at a stride of 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from stylegan2.errors import CheckpointError, ShapeMismatch

PROPOSAL_WINDOW, REFINEMENT_WINDOW, OUTPUT_WINDOW = 12, 24, 48  # px, figure 2
PROPOSAL_STRIDE = 2  # px: the network's one pooling layer


class Answer(NamedTuple):
    """What a network says of N windows. Shifts are (x0, y0, x1, y1); points (x, y), from the window's upper left."""

    probability: Tensor  # [N]; the proposal network's is [N, h, w]
    shift: Tensor  # [N, 4]; [N, 4, h, w]
    points: Tensor  # [N, 5, 2] from the output network, else [N, 0, 2]


def _pool(size: int) -> nn.MaxPool2d:
    # The weights come from Caffe, whose pooling counts a last, partial window (24 px: 22 -> 11, 9 -> 4; floor: 10, 4).
    return nn.MaxPool2d(size, stride=2, ceil_mode=True)


class ProposalNetwork(nn.Module):
    """P-Net: [N, 3, H, W] -> an Answer for each 12 px window, h = (H - 10) / 2 rounded up less one, w likewise."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)
        self.pool1 = _pool(2)

    def forward(self, x: Tensor) -> Answer:
        """See the class; window (i, j) covers [2j, 2j + 12] x [2i, 2i + 12] px."""
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return Answer(self.conv4_1(x).softmax(1)[:, 1], self.conv4_2(x), x.new_empty(len(x), 0, 2))


class RefinementNetwork(nn.Module):
    """R-Net: windows [N, 3, 24, 24] -> Answer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)
        self.pool1, self.pool2 = _pool(3), _pool(3)

    def forward(self, x: Tensor) -> Answer:
        """See the class."""
        x = self.pool1(self.prelu1(self.conv1(x)))  # [N, 28, 11, 11]
        x = self.pool2(self.prelu2(self.conv2(x)))  # [N, 48, 4, 4]
        x = self.prelu3(self.conv3(x)).flatten(1)  # [N, 64 · 3 · 3]
        x = self.prelu4(self.dense4(x))
        return Answer(self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x), x.new_empty(len(x), 0, 2))


class OutputNetwork(nn.Module):
    """O-Net: windows [N, 3, 48, 48] -> Answer with points: left eye, right eye, nose, left and right mouth corner."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)
        self.pool1, self.pool2, self.pool3 = _pool(3), _pool(3), _pool(2)

    def forward(self, x: Tensor) -> Answer:
        """See the class."""
        x = self.pool1(self.prelu1(self.conv1(x)))  # [N, 32, 23, 23]
        x = self.pool2(self.prelu2(self.conv2(x)))  # [N, 64, 10, 10]
        x = self.pool3(self.prelu3(self.conv3(x)))  # [N, 64, 4, 4]
        x = self.prelu4(self.conv4(x)).flatten(1)  # [N, 128 · 3 · 3]
        x = self.prelu5(self.dense5(x))
        points = self.dense6_3(x).unflatten(1, (2, 5)).transpose(1, 2)  # five x, then five y, in the file
        return Answer(self.dense6_1(x).softmax(1)[:, 1], self.dense6_2(x), points)


@dataclass(frozen=True)
class Networks:
    """The cascade's three stages."""

    proposal: ProposalNetwork
    refinement: RefinementNetwork
    output: OutputNetwork


def load_networks(path: str | Path) -> Networks:
    """Read weights/mtcnn.safetensors, ready to run. Raises CheckpointError if the file is not that."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: the face detector's weights cannot be read ({error}); expected mtcnn.safetensors of this "
            "release. Reinstall blendgan, or make it again with weights/convert_mtcnn.py."
        ) from error
    networks = Networks(ProposalNetwork(), RefinementNetwork(), OutputNetwork())
    for name, network in vars(networks).items():
        _fill(network, {k.partition(".")[2]: v for k, v in tensors.items() if k.startswith(f"{name}.")}, path)
    return networks


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ShapeMismatch(f"{path}: not the face detector's weights: {error}. Reinstall blendgan.") from error
    network.eval().requires_grad_(False)


def infer(network: nn.Module, windows: Tensor) -> Answer:
    """Run one network on windows [N, 3, H, W] without building a graph."""
    with torch.inference_mode():
        # channels-last: torch's pooling on a CPU is several times faster so
        answer: Answer = network(windows.contiguous(memory_format=torch.channels_last))
    return answer
