"""Passes as CUDA graphs: what is captured and replayed, by a stand-in on the CPU; on a device, the pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stylegan2 import graphs
from stylegan2.config import GeneratorConfig
from stylegan2.errors import InputError
from stylegan2.generator import Generator
from stylegan2.graphs import GraphedSynthesis

CONFIG = GeneratorConfig(16, (8, 7, 5), z_dim=8, w_dim=6, mapping_layers=2, mapping_width=8)


@pytest.fixture
def generator() -> Generator:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        generator = Generator(CONFIG)
        for tensor in generator.state_dict().values():
            tensor.normal_()
    return generator.eval().requires_grad_(False)


def ws_of(seed: int, count: int = 1) -> Tensor:
    return torch.randn(count, CONFIG.num_ws, 6, generator=torch.Generator().manual_seed(seed))


class Recorder:
    """A capture as a device has it: the function fills one tensor, again and again."""

    def __init__(self) -> None:
        self.captured = 0

    def __call__(self, function: Callable[[], Tensor]) -> tuple[Tensor, Callable[[], object]]:
        self.captured += 1
        picture = function()
        return picture, lambda: picture.copy_(function())


@torch.no_grad()
def test_a_shape_is_captured_once_and_every_picture_is_its_own(generator: Generator) -> None:
    recorder = Recorder()
    graphed = GraphedSynthesis(generator.synthesis, recorder)
    pictures = [graphed(ws_of(seed)) for seed in (0, 1, 2)]
    assert recorder.captured == 1
    for seed, picture in enumerate(pictures):
        assert torch.equal(picture, generator.synthesis(ws_of(seed)))
    graphed(ws_of(0, 2))
    graphed(ws_of(0), noise_mode="none")
    assert recorder.captured == 3
    generator.synthesis.b8.conv1.weight.add_(1)
    assert torch.equal(graphed(ws_of(0)), generator.synthesis(ws_of(0)))
    assert recorder.captured == 3


@torch.no_grad()
def test_memory_is_bounded(generator: Generator) -> None:
    recorder = Recorder()
    graphed = GraphedSynthesis(generator.synthesis, recorder)
    for count in (1, 2, 3, 4, 5, 1):
        graphed(ws_of(0, count))
    assert recorder.captured == 6  # the first had to go


def test_what_cannot_be_replayed_goes_the_plain_way(generator: Generator) -> None:
    recorder = Recorder()
    graphed = GraphedSynthesis(generator.synthesis, recorder)
    with torch.no_grad():
        a, b = (graphed(ws_of(0), "random", torch.Generator().manual_seed(seed)) for seed in (0, 1))
        graphed(ws_of(0), noise={"b8.conv1": torch.zeros(1, 1, 8, 8)})
        assert [picture.shape[-1] for picture in graphed.pictures(ws_of(0))] == [4, 8, 16]
    assert not torch.equal(a, b)
    ws = ws_of(0).requires_grad_()
    graphed(ws).sum().backward()
    assert ws.grad is not None
    assert recorder.captured == 0


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    monkeypatch.delenv(graphs.VARIABLE, raising=False)
    assert not graphs.is_chosen(cuda)
    monkeypatch.setenv(graphs.VARIABLE, "on")
    assert graphs.is_chosen(cuda)
    assert not graphs.is_chosen(cpu)
    monkeypatch.setenv(graphs.VARIABLE, "yes")
    with pytest.raises(InputError, match="BLENDGAN_GRAPHS: found 'yes', expected off or on"):
        graphs.is_chosen(cuda)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@torch.no_grad()
def test_on_a_device_the_pictures_are_the_plain_ones(generator: Generator) -> None:
    network = generator.synthesis.to("cuda")
    graphed = GraphedSynthesis(network)
    for precision in (None, torch.float16):
        network.compute_in(precision, 8)
        graphed = GraphedSynthesis(network)
        for seed in (0, 1):
            ws = ws_of(seed).to("cuda")
            torch.testing.assert_close(graphed(ws), network(ws))
