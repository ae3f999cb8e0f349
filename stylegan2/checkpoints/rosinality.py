"""rosinality's `.pt` files: a training file (g, d, g_ema, optimisers, args), or g_ema with or without latent_avg.

Layers are counted, not named by resolution: `convs.{n}` are the two convolutions of 8, 16, … px in turn. Convolutions
of the generator have an axis of size 1 in front. Fixed filters are buffers, and become configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor

from stylegan2.checkpoints.contents import Contents, Part
from stylegan2.checkpoints.foreign_tensors import ForeignTensor, NumpyArray, TorchView
from stylegan2.checkpoints.rename import Rule, fir_from_kernel
from stylegan2.errors import CheckpointError

FORMAT = "rosinality"
MARK = "conv1.conv.weight"  # every StyleGAN2 generator of this dialect has it
LATENT_AVG = "latent_avg"
LR_MULTIPLIER = 0.01  # its trainer's only value (`lr_mlp`)
MINIBATCH_GROUP = 4  # `stddev_group` of its discriminator


def _first(tensor: Tensor) -> Tensor:
    return tensor[0]


def _plane(tensor: Tensor) -> Tensor:
    return tensor[0, 0]


def _flat(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1)


def _scalar(tensor: Tensor) -> Tensor:
    return tensor.reshape(()) if tensor.numel() == 1 else tensor


def _block(index: int) -> int:
    """Resolution in px of the index-th pair of convolutions (0 is 8 px)."""
    return 8 << index


# First the place of a layer, counted in the file, by resolution in our names …
PLACES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"conv1\.", lambda match: "b4.conv1."),
    (r"to_rgb1\.", lambda match: "b4.torgb."),
    (r"convs\.(\d{1,2})\.", lambda match: f"b{_block(int(match[1]) // 2)}.conv{int(match[1]) % 2}."),
    (r"to_rgbs\.(\d{1,2})\.", lambda match: f"b{_block(int(match[1]))}.torgb."),
    (r"noises\.noise_0$", lambda match: "b4.conv1.noise"),
    (
        r"noises\.noise_(\d{1,2})$",
        lambda match: f"b{_block((int(match[1]) - 1) // 2)}.conv{(int(match[1]) - 1) % 2}.noise",
    ),
    (r"style\.(\d{1,3})\.", lambda match: f"fc{int(match[1]) - 1}."),  # style.0 only normalises
)
# … then what stands there.
GENERATOR_RULES = (
    Rule(r".*\.kernel", None),
    Rule(r"latent_avg", r"mapping.w_avg", _flat),
    Rule(r"(fc\d+\.(?:weight|bias))", r"mapping.\1"),
    Rule(r"input\.input", r"synthesis.b4.const", _first, axes=4),
    Rule(r"(b\d+\.\w+)\.conv\.weight", r"synthesis.\1.weight", _first, axes=5),
    Rule(r"(b\d+\.\w+)\.conv\.modulation\.(weight|bias)", r"synthesis.\1.affine.\2"),
    Rule(r"(b\d+\.conv[01])\.activate\.bias", r"synthesis.\1.bias"),
    Rule(r"(b\d+\.conv[01])\.noise\.weight", r"synthesis.\1.noise_strength", _scalar),
    Rule(r"(b\d+\.conv[01])\.noise", r"synthesis.\1.noise_const", _plane, axes=4),
    Rule(r"(b\d+\.torgb)\.bias", r"synthesis.\1.bias", _flat, axes=4),
)
DISCRIMINATOR_RULES = (
    Rule(r".*\.kernel", None),
    Rule(r"(b\d+)\.0\.weight", r"\1.fromrgb.weight"),
    Rule(r"(b\d+)\.1\.bias", r"\1.fromrgb.bias"),
    Rule(r"(b\d+)\.conv1\.0\.weight", r"\1.conv0.weight"),
    Rule(r"(b\d+)\.conv1\.1\.bias", r"\1.conv0.bias"),
    Rule(r"(b\d+)\.conv2\.1\.weight", r"\1.conv1.weight"),  # its conv2.0 is the filter
    Rule(r"(b\d+)\.conv2\.2\.bias", r"\1.conv1.bias"),
    Rule(r"(b\d+)\.skip\.1\.weight", r"\1.skip.weight"),
    Rule(r"final_conv\.0\.weight", r"b4.conv.weight"),
    Rule(r"final_conv\.1\.bias", r"b4.conv.bias"),
    Rule(r"final_linear\.0\.(weight|bias)", r"b4.fc.\1"),
    Rule(r"final_linear\.1\.(weight|bias)", r"b4.out.\1"),
)


def recognises(root: object) -> bool:
    """True for a dict that holds a generator's state dict, or is one."""
    return any(MARK in state for state in _states(root).values())


def read(root: object) -> Contents:
    """Return the networks of the file. Training files have no latent_avg: then there is no mapping.w_avg."""
    states = _states(root)
    if isinstance(root, dict) and LATENT_AVG in root:
        states["g_ema" if "g_ema" in states else "g"] |= _tensors({LATENT_AVG: root[LATENT_AVG]})
    return Contents(
        ema=_generator(states.get("g_ema")),
        raw=_generator(states.get("g")),
        discriminator=_discriminator(states.get("d")),
        metadata={"format": FORMAT},
    )


def _states(root: object) -> dict[str, dict[str, ForeignTensor]]:
    """State dicts by their key; a bare one counts as the moving average."""
    if not isinstance(root, dict):
        return {}
    if MARK in root or f"module.{MARK}" in root:
        return {"g_ema": _tensors(root)}
    return {name: _tensors(root[name]) for name in ("g_ema", "g", "d") if isinstance(root.get(name), dict)}


def _tensors(state: Mapping[Any, object]) -> dict[str, ForeignTensor]:
    """Names to tensors, without the prefix that data-parallel training leaves."""
    tensors: dict[str, ForeignTensor] = {}
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, (TorchView, NumpyArray)):
            raise CheckpointError(f"{str(name)[:100]}: found a {type(value).__name__}, expected a tensor")
        tensors[name.removeprefix("module.")] = value
    return tensors


def _generator(state: dict[str, ForeignTensor] | None) -> Part | None:
    if state is None:
        return None
    tensors = {_placed(name): tensor for name, tensor in state.items()}
    return Part(tensors, GENERATOR_RULES, {"lr_multiplier": LR_MULTIPLIER, **_fir(tensors)})


def _placed(name: str) -> str:
    for pattern, place in PLACES:
        match = re.match(pattern, name)
        if match:
            return place(match) + name[match.end() :]
    return name


def _discriminator(state: dict[str, ForeignTensor] | None) -> Part | None:
    if state is None:
        return None
    top = _top_resolution(state)
    tensors = {_from_top(name, top): tensor for name, tensor in state.items()}
    return Part(tensors, DISCRIMINATOR_RULES, {"minibatch_group": MINIBATCH_GROUP, **_fir(tensors)})


def _top_resolution(names: Iterable[str]) -> int:
    """`convs.0` reads the picture; each further one halves it, down to 4 px."""
    counts = (re.match(r"convs\.(\d{1,2})\.", name) for name in names)
    return 4 << max((int(match[1]) for match in counts if match), default=0)


def _from_top(name: str, top: int) -> str:
    match = re.match(r"convs\.(\d{1,2})\.", name)
    return f"b{top >> max(0, int(match[1]) - 1)}.{name[match.end() :]}" if match else name


def _fir(tensors: Mapping[str, ForeignTensor]) -> dict[str, object]:
    kernels = [tensors[name] for name in sorted(tensors) if name.endswith(".kernel")]
    return {"fir": fir_from_kernel(kernels[0].read())} if kernels else {}
