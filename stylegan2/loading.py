"""Files -> networks: `load_generator` and `load_discriminator`, for every format that `checkpoints` reads."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar, Union

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from stylegan2 import checkpoints, store
from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX, Checkpoint
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.discriminator import Discriminator
from stylegan2.errors import CheckpointError, InputError
from stylegan2.generator import Generator

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config", GeneratorConfig, DiscriminatorConfig)
ModelLike = Union[str, "os.PathLike[str]", Checkpoint]
# Of activations, and in how many of the top resolutions: fp16 as in the paper (Karras et al. 2020a, appendix C); bf16,
# which has the range of fp32, in all above 4 px.
PRECISIONS: dict[str, tuple[torch.dtype, int] | None] = {
    "fp32": None,
    "bf16": (torch.bfloat16, 99),
    "fp16": (torch.float16, 4),
}
W_AVG_SAMPLES = 4096  # the mean of so many w is within 2 % of a std of the true one
W_BATCH = 128  # latents mapped at a time: all at once take half a small model's memory
NOISE_SEED = 0  # of noise buffers that a file does not hold

_log = logging.getLogger(__name__)


def load_generator(path: ModelLike, ema: bool = True, precision: str = "fp32") -> Generator:
    """Return a generator, ready to render, on the CPU and without gradients.

    Its fp32 tensors are the checkpoint's own, not copies: those of our own files stay mapped, and are read as they are
    used. Who changes weights in place copies the generator first.

    path: a file of any known format, the name of a shipped model, or a Checkpoint. ema: the moving average, else the
    raw generator of a training snapshot. precision: fp32; in bf16 all blocks above 4 px compute, in fp16 the top four
    (weights stay fp32). A mean w that the file lacks is estimated from a fixed seed and logged. Raises CheckpointError
    (ShapeMismatch lists tensors that are missing or do not fit), UnknownWeights, InputError.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision: found {precision!r}, expected one of {', '.join(PRECISIONS)}")
    checkpoint = open_model(path)
    chosen = _select(checkpoint, ema=ema)
    checkpoints.check_shapes({name: tuple(t.shape) for name, t in chosen.items()}, checkpoint.config, None)
    generator = unfilled(Generator, checkpoint.config)
    fill(generator, chosen)
    generator.metadata = checkpoint.metadata
    generator.mapping_fingerprint = checkpoints.fingerprint_mapping(checkpoint)
    generator.eval().requires_grad_(False)
    if (half := PRECISIONS[precision]) is not None:
        dtype, count = half
        generator.synthesis.compute_in(dtype, checkpoint.config.resolutions[-count:][0])
    return generator


def load_discriminator(path: ModelLike) -> Discriminator:
    """Return the discriminator that came with a generator, on the CPU and without gradients.

    Raises CheckpointError if the file has none, and what `load_generator` raises.
    """
    checkpoint = open_model(path)
    if checkpoint.discriminator is None:
        raise CheckpointError(
            f"{_name(path)}: found no discriminator in the file; expected a training snapshot or a full pickle"
        )
    discriminator = unfilled(Discriminator, checkpoint.discriminator)
    names = [name for name in checkpoint.tensors if name.startswith(DISCRIMINATOR_PREFIX)]
    tensors = {name.removeprefix(DISCRIMINATOR_PREFIX): checkpoint.tensors[name].float() for name in names}
    discriminator.load_state_dict(tensors, assign=True)
    return discriminator.eval().requires_grad_(False)


def _name(model: ModelLike) -> str:
    """What messages call a model: never a Checkpoint's own form, which has every number of it."""
    return "model" if isinstance(model, Checkpoint) else os.fspath(model)


def open_model(model: ModelLike) -> Checkpoint:
    """Return the checkpoint that a path, a shipped name or a Checkpoint means."""
    return model if isinstance(model, Checkpoint) else checkpoints.load(store.resolve(model))


@torch.no_grad()
def estimate_w_avg(generator: Generator, samples: int = W_AVG_SAMPLES, seed: int = 0) -> torch.Tensor:
    """Return the mean w [w_dim] over `samples` latents; labels, if any, are drawn evenly."""
    return sample_w(generator, samples, seed).mean(dim=0)


@torch.no_grad()
def sample_w(generator: Generator, count: int, seed: int) -> torch.Tensor:
    """Return w [count, w_dim] of random latents; labels, if any, are drawn evenly."""
    random = np.random.RandomState(seed)
    w = torch.empty(count, generator.config.w_dim, device=generator.device)
    for part in torch.arange(count).split(W_BATCH):
        w[part] = _map_next(generator, random, part)
    return w


def _map_next(generator: Generator, random: np.random.RandomState, indices: torch.Tensor) -> torch.Tensor:
    """The w of the next latents; the index of each [N] chooses its label."""
    z = torch.from_numpy(random.randn(len(indices), generator.config.z_dim)).float().to(generator.device)
    classes = generator.config.num_classes
    c = torch.eye(classes)[indices % classes].to(generator.device) if classes else None
    return generator.mapping.map(z, c)


class _Undrawn(TorchFunctionMode):
    """Where `torch.randn` draws nothing, and no number scales it: memory that nobody writes takes no page.

    (Torch's meta device would do the same, but imports 70 MB of Python for the first division.)
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.Tensor.div and isinstance(args[1], float):  # filters, which stay, are divided by a tensor
            return args[0]
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))


def unfilled(kind: Callable[[Config], Network], config: Config) -> Network:
    """Return a network whose weights are not drawn, since a file's tensors are about to replace them."""
    with _Undrawn():
        return kind(config)


def fill(generator: Generator, tensors: dict[str, torch.Tensor]) -> None:
    """Give a generator its tensors, and make up the buffers that a file may lack: noise, and the mean w (logged)."""
    mean = {"mapping.w_avg": torch.zeros(generator.config.w_dim)}
    generator.load_state_dict(mean | _with_noise(tensors, generator), assign=True)
    if "mapping.w_avg" not in tensors:
        generator.mapping.w_avg.copy_(estimate_w_avg(generator))
        _log.warning("w_avg: not in the file; estimated from %d latents of seed 0", W_AVG_SAMPLES)


def _select(checkpoint: Checkpoint, *, ema: bool) -> dict[str, torch.Tensor]:
    """The generator's tensors in fp32 under their plain names: the average's, or the raw one's where it is there."""
    raw = [name for name in checkpoint.tensors if name.startswith(RAW_PREFIX)]
    average = [name for name in checkpoint.tensors if name.startswith(("mapping.", "synthesis."))]
    names = average if ema else raw or average
    return {name.removeprefix(RAW_PREFIX): checkpoint.tensors[name].float() for name in names}


def _with_noise(tensors: dict[str, torch.Tensor], generator: Generator) -> dict[str, torch.Tensor]:
    """Add noise buffers that the file dropped, from a fixed seed, so that two loads give one picture."""
    draw = torch.Generator().manual_seed(NOISE_SEED)
    drawn = {
        name: torch.randn(buffer.shape, generator=draw)
        for name, buffer in generator.named_buffers()
        if name.endswith(".noise_const") and name not in tensors
    }
    return tensors | drawn
