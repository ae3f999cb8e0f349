"""What tests of every package share: pico models, the folder of golden files, a fixed number of threads."""

from __future__ import annotations

import importlib
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import settings
from PIL import Image

from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.config import GeneratorConfig
from stylegan2.generator import Generator

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BLENDGAN_TEST_DATA", ROOT.parent / "shared"))  # golden files and photos, not in this tree

PICO = GeneratorConfig(
    resolution=16, channels=(8, 6, 4), z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, embed_dim=8
)

# The same examples in every run: a failure in CI must be one that anybody can see. Shared machines keep no deadline.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# A suite that a shell started in the background ignores Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

torch.set_num_threads(1)  # sums depend on how they are divided; one thread is the same on every machine


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden/ and data/; tests that need it are skipped where it is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"test data: {SHARED} is not there; set BLENDGAN_TEST_DATA")
    return SHARED


@pytest.fixture(scope="session")
def pico() -> Callable[..., Checkpoint]:
    """`pico(seed, **changes of PICO)`: a checkpoint of 16 px and at most 8 channels, every tensor random."""

    def build(seed: int = 0, config: GeneratorConfig = PICO) -> Checkpoint:
        random = torch.Generator().manual_seed(seed)
        blank = Generator(config).state_dict()
        tensors = {name: torch.randn(blank[name].shape, generator=random) for name in sorted(blank)}
        return Checkpoint(config, tensors, {"format": "test"})

    return build


@pytest.fixture(scope="session")
def pico_pair(tmp_path_factory: pytest.TempPathFactory, pico: Callable[..., Checkpoint]) -> list[str]:
    """`--base` and `--transfer` with files of two pico models."""
    folder = tmp_path_factory.mktemp("pair")
    words = []
    for seed, name in enumerate(("base", "transfer")):
        pico(seed).save(folder / f"{name}.safetensors")
        words += [f"--{name}", str(folder / f"{name}.safetensors")]
    return words


@pytest.fixture(scope="session")
def write_pictures() -> Callable[[Path, int, int], Path]:
    """`write_pictures(folder, count, size_px)`: PNG files of noise in a new folder; returns the folder."""

    def write(folder: Path, count: int, size_px: int) -> Path:
        folder.mkdir(exist_ok=True)
        random = np.random.default_rng(0)
        for i in range(count):
            Image.fromarray(random.integers(0, 255, (size_px, size_px, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        return folder

    return write


@pytest.fixture
def cli() -> CliRunner:
    """Runs command lines in this process; `.invoke(blendgan.cli.main.cli, [...])`."""
    return CliRunner()


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """`benchmark("textbook")`: a module of benchmarks/, which is no installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def spandrel() -> Iterator[ModuleType]:
    """The library; tests that need it are skipped where it cannot be imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, of deprecated functions
            yield importlib.import_module("spandrel")
    except Exception as error:  # a torchvision of another torch fails with RuntimeError
        pytest.skip(f"spandrel cannot be imported: {error}")
