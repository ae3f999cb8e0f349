"""One table: where each tensor of a generator acts. It is all that a blend knows of the network.

A site's resolution is that of the activation which its layer produces: the 4x4 const, its convolution and its to-RGB
are 4 px, and an up-sampling convolution belongs to the size it arrives at (Pinkney & Adler 2020, appendix B.2).
Resolutions are nominal: they count as if the const were 4 px, whatever its size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stylegan2.config import CONST_RESOLUTION, GeneratorConfig
from stylegan2.errors import CheckpointError

MAPPING = "mapping"
SYNTHESIS = "synthesis"

CONST = "const"
WEIGHT = "weight"
BIAS = "bias"
STYLE = "style"  # the affine layer that turns w into one scale per input channel: its weight and bias
NOISE_STRENGTH = "noise-strength"
NOISE_BUFFER = "noise-buffer"
TO_RGB = "to-rgb"  # its weight, bias and style
SKIP = "skip"  # the 1x1 convolution past a block of the residual architecture
W_AVG = "w-avg"


@dataclass(frozen=True)
class Site:
    """One tensor, and where it acts.

    `resolution` is in px: 4, 8, …; `layer` is the index, in `num_ws` order, of the style vector that drives the
    tensor's layer (the const and the skip count with the block's last convolution). Both are None in the mapping
    network, which acts at no resolution. `channel_axis` is the axis that indexes feature maps: output channels, but
    for styles and the to-RGB weight the input channels that they scale; None where no axis does.
    """

    name: str  # "synthesis.b64.conv1.weight"
    network: str  # MAPPING or SYNTHESIS
    resolution: int | None
    role: str
    channel_axis: int | None
    layer: int | None


# After "synthesis.b{r}.": role, axis of feature maps, and the style vector's index minus 2 log2(r). The 4 px block has
# one convolution and takes vector 0; later blocks take two. A to-RGB shares its vector with the next block's conv0.
_SYNTHESIS: dict[str, tuple[str, int | None, int]] = {
    "const": (CONST, 0, -4),
    "skip.weight": (SKIP, 0, -4),
    "conv0.weight": (WEIGHT, 0, -5),
    "conv0.bias": (BIAS, 0, -5),
    "conv0.noise_strength": (NOISE_STRENGTH, None, -5),
    "conv0.noise_const": (NOISE_BUFFER, None, -5),
    "conv0.affine.weight": (STYLE, 0, -5),
    "conv0.affine.bias": (STYLE, 0, -5),
    "conv1.weight": (WEIGHT, 0, -4),
    "conv1.bias": (BIAS, 0, -4),
    "conv1.noise_strength": (NOISE_STRENGTH, None, -4),
    "conv1.noise_const": (NOISE_BUFFER, None, -4),
    "conv1.affine.weight": (STYLE, 0, -4),
    "conv1.affine.bias": (STYLE, 0, -4),
    "torgb.weight": (TO_RGB, 1, -3),
    "torgb.bias": (TO_RGB, None, -3),
    "torgb.affine.weight": (TO_RGB, 0, -3),
    "torgb.affine.bias": (TO_RGB, 0, -3),
}
_ABSENT_AT_4_PX = ("conv0.", "skip.")

_MAPPING_NAME = re.compile(r"mapping\.(?:w_avg|(?:fc\d+|embed)\.(weight|bias))")
_SYNTHESIS_NAME = re.compile(r"synthesis\.b(\d+)\.(.+)")


def site_of(name: str) -> Site:
    """Return where the tensor of this native name acts. Raises CheckpointError for a name that no generator has."""
    if match := _MAPPING_NAME.fullmatch(name):
        return Site(name, MAPPING, None, match[1] or W_AVG, None, None)
    match = _SYNTHESIS_NAME.fullmatch(name)
    if match is None or not _is_resolution(int(match[1])) or match[2] not in _tensors_at(int(match[1])):
        raise CheckpointError(f"{name}: not a generator's tensor; expected a name such as synthesis.b8.conv0.weight")
    resolution, (role, channel_axis, offset) = int(match[1]), _SYNTHESIS[match[2]]
    return Site(name, SYNTHESIS, resolution, role, channel_axis, 2 * _octave(resolution) + offset)


def sites(config: GeneratorConfig) -> dict[str, Site]:
    """Return the whole table for a generator: the mapping first, then the synthesis network from coarse to fine."""
    return {name: site_of(name) for name in (*_mapping_names(config), *_synthesis_names(config))}


def layers_of(config: GeneratorConfig) -> tuple[int, ...]:
    """Return, for each style layer in `num_ws` order, the resolution in px that it ends at."""
    found = {
        site.layer: site.resolution for site in sites(config).values() if site.resolution and site.layer is not None
    }
    return tuple(found[layer] for layer in range(config.num_ws))


def _mapping_names(config: GeneratorConfig) -> list[str]:
    layers = [f"fc{i}" for i in range(config.mapping_layers)] + ["embed"] * (config.num_classes > 0)
    return [f"mapping.{layer}.{kind}" for layer in layers for kind in (WEIGHT, BIAS)] + ["mapping.w_avg"]


def _synthesis_names(config: GeneratorConfig) -> list[str]:
    return [
        f"synthesis.b{resolution}.{tensor}"
        for resolution in config.resolutions
        for tensor in _tensors_at(resolution)
        if _has(config, resolution, tensor)
    ]


def _has(config: GeneratorConfig, resolution: int, tensor: str) -> bool:
    """Tell apart the architectures: each skip block has a to-RGB, of the others the last; only resnet has skips."""
    if tensor.startswith("torgb."):
        return config.architecture == "skip" or resolution == config.resolution
    return not tensor.startswith("skip.") or config.architecture == "resnet"


def _tensors_at(resolution: int) -> list[str]:
    if resolution == CONST_RESOLUTION:
        return [tensor for tensor in _SYNTHESIS if not tensor.startswith(_ABSENT_AT_4_PX)]
    return [tensor for tensor in _SYNTHESIS if tensor != CONST]


def _is_resolution(resolution: int) -> bool:
    return resolution >= CONST_RESOLUTION and resolution & (resolution - 1) == 0


def _octave(resolution: int) -> int:
    return resolution.bit_length() - 1
