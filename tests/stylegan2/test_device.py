"""What a CUDA device computes beside what the CPU computes, and training there, by our kernels and by PyTorch alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from stylegan2.generator import Generator
from stylegan2.graphs import GraphedSynthesis
from stylegan2.loading import load_discriminator, load_generator, sample_w
from stylegan2.ops import cuda
from stylegan2.train import TrainingConfig
from stylegan2.train.config import fresh_configs
from stylegan2.train.data import Batch
from stylegan2.train.state import new_state
from stylegan2.train.step import train_batch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
WAYS = ("reference", "cuda")  # PyTorch's ops, ours
CONFIG = TrainingConfig(
    batch=8, r1_interval=2, augment_p=0.5, augpipe="bgcfnc", pl_weight=2.0, pl_interval=2, ada_target=None
)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(cuda.VARIABLE, request.param)
    return str(request.param)


@pytest.fixture
def exact() -> Iterator[None]:
    """Convolutions in fp32 proper: cuDNN takes TF32 for them unless it is told not to."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def device_generator(precision: str = "fp32") -> Generator:
    return load_generator("portraits", precision=precision).to("cuda")


@torch.no_grad()
def test_pictures_and_logits_are_the_cpus(way: str, exact: None) -> None:
    here = load_generator("portraits")
    ws = sample_w(here, 4, 0)[:, None].repeat(1, here.config.num_ws, 1)
    expected = here.synthesis(ws)
    found = device_generator().synthesis(ws.to("cuda"))
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-4)
    logits = load_discriminator("portraits").to("cuda")(found)
    torch.testing.assert_close(logits.cpu(), load_discriminator("portraits")(expected), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("precision", "most"), [("fp32", 0.02), ("fp16", 0.05), ("bf16", 0.3)])
@torch.no_grad()
def test_what_fewer_bits_change(way: str, precision: str, most: float) -> None:
    generator = device_generator(precision)
    ws = sample_w(generator, 4, 0)[:, None].repeat(1, generator.config.num_ws, 1)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        expected = device_generator().synthesis(ws)
    difference = (generator.synthesis(ws) - expected).abs()
    assert difference.max().item() < most


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@torch.no_grad()
def test_a_graph_gives_the_plain_pictures(way: str, precision: str) -> None:
    generator = device_generator(precision)
    graphed = GraphedSynthesis(generator.synthesis)
    for seed in (0, 1, 2):
        ws = sample_w(generator, 2, seed)[:, None].repeat(1, generator.config.num_ws, 1)
        torch.testing.assert_close(graphed(ws), generator.synthesis(ws), rtol=1e-3, atol=1e-3)


def losses_of(config: TrainingConfig, batches: int = 4) -> list[dict[str, float]]:
    """Train a fresh model for a few batches on the device, with R1, path lengths and every augmentation."""
    sizes = fresh_configs(32, channel_base=512, channel_max=32, latent=32, mapping_layers=2)
    state = new_state(*sizes, config, torch.device("cuda"))
    state.augment_p = config.augment_p
    draw = torch.Generator().manual_seed(0)
    real = torch.rand([config.batch, 3, 32, 32], generator=draw) * 2 - 1
    found = [train_batch(state, Batch(real, None), config) for _ in range(batches)]
    assert all(bool(tensor.isfinite().all()) for tensor in state.average.state_dict().values())
    return found


def test_training_by_our_kernels_is_training_by_pytorch(monkeypatch: pytest.MonkeyPatch, exact: None) -> None:
    found = []
    for way in WAYS:
        monkeypatch.setenv(cuda.VARIABLE, way)
        found.append(losses_of(CONFIG))
    for ours, theirs in zip(*found, strict=True):
        assert ours.keys() == theirs.keys()
        assert ours == pytest.approx(theirs, rel=5e-3, abs=5e-3)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_sixteen_bits_train_alike(way: str, precision: str) -> None:
    config = replace(CONFIG, pl_weight=0.0)
    for half, full in zip(losses_of(replace(config, precision=precision)), losses_of(config), strict=True):
        assert half["loss_d"] == pytest.approx(full["loss_d"], abs=0.1)
        assert half["loss_g"] == pytest.approx(full["loss_g"], abs=0.1)
