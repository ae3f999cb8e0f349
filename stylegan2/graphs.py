"""A synthesis pass as one CUDA graph: hundreds of small launches become one, for pictures of a shape seen before.

Chosen by `BLENDGAN_GRAPHS=on`. By default it is off: the first picture of a shape takes four passes and the capture,
so it pays from some dozen pictures on (docs/performance.md).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from stylegan2.errors import InputError
from stylegan2.generator import Noise, SynthesisNetwork, WrappedSynthesis

VARIABLE = "BLENDGAN_GRAPHS"
MODES = ("off", "on")
MOST_GRAPHS = 4  # each holds the activations of a pass
WARM_UP = 3  # passes before the capture, in which libraries choose their algorithms

Capture = Callable[[Callable[[], Tensor]], tuple[Tensor, Callable[[], object]]]


class Graph(NamedTuple):
    """One captured pass: where its styles are read, where its picture is written, and how to run it."""

    ws: Tensor
    picture: Tensor
    replay: Callable[[], object]


def is_chosen(device: torch.device) -> bool:
    """Return whether passes on this device become graphs. Raises InputError for another word in BLENDGAN_GRAPHS."""
    chosen = os.environ.get(VARIABLE) or MODES[0]
    if chosen not in MODES:
        raise InputError(f"{VARIABLE}: found {chosen!r}, expected {' or '.join(MODES)}")
    return chosen == "on" and device.type == "cuda"


def capture_on_device(function: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
    """Capture what `function` launches; return the tensor that it fills, and what fills it again."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # a capture may not begin on work that is under way
        for _ in range(WARM_UP):
            function()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        picture = function()
    return picture, graph.replay


class GraphedSynthesis(WrappedSynthesis):
    """A synthesis network that replays its passes; it stands wherever the network does.

    Weights may change in place, but not be replaced. Noise that is drawn or given goes the plain way.
    """

    def __init__(self, network: SynthesisNetwork, capture: Capture = capture_on_device) -> None:
        super().__init__(network)
        self._capture = capture
        self._graphs: OrderedDict[tuple[object, ...], Graph] = OrderedDict()  # the oldest first

    def forward(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """Render; as SynthesisNetwork does. Returns a picture of its own, which later passes leave alone."""
        if noise_mode == "random" or noise or torch.is_grad_enabled():
            picture: Tensor = self.network(ws, noise_mode, generator, noise)
            return picture
        graph = self._graph_for(ws, noise_mode)
        graph.ws.copy_(ws)
        graph.replay()
        return graph.picture.clone()

    def pictures(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Iterator[Tensor]:
        """Render progressively, without a graph: whoever asks may stop at any picture."""
        return self.network.pictures(ws, noise_mode, generator, noise)

    def _graph_for(self, ws: Tensor, noise_mode: str) -> Graph:
        key = (tuple(ws.shape), ws.dtype, ws.device, noise_mode)
        if key not in self._graphs:
            static = ws.clone()
            self._graphs[key] = Graph(static, *self._capture(lambda: self.network(static, noise_mode)))
            if len(self._graphs) > MOST_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(key)
        return self._graphs[key]
