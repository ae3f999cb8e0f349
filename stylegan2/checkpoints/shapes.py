"""The tensors that an architecture has: name -> shape, computed from the records alone; and the check against them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from stylegan2.checkpoints.checkpoint import DISCRIMINATOR_PREFIX, RAW_PREFIX
from stylegan2.config import DiscriminatorConfig, GeneratorConfig
from stylegan2.errors import ShapeMismatch

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

# w_avg is estimated, and noise buffers are drawn anew, where a file leaves them out.
OPTIONAL = re.compile(r"(raw\.)?(mapping\.w_avg|synthesis\.b\d+\.conv[01]\.noise_const)")


def expected_shapes(config: GeneratorConfig, discriminator: DiscriminatorConfig | None = None) -> Shapes:
    """Return every tensor of these networks by native name. (`raw.*` has the generator's once more.)"""
    shapes = generator_shapes(config)
    if discriminator is not None:
        shapes |= {DISCRIMINATOR_PREFIX + name: shape for name, shape in discriminator_shapes(discriminator).items()}
    return shapes


def generator_shapes(config: GeneratorConfig) -> Shapes:
    """Return the generator's tensors: mapping, w_avg, and synthesis."""
    widths = _mapping_widths(
        config.z_dim, config.num_classes, config.embed_dim, config.mapping_width, config.w_dim, config.mapping_layers
    )
    shapes = {
        f"mapping.{name}": shape for name, shape in _mapping(widths, config.num_classes, config.embed_dim).items()
    }
    shapes["mapping.w_avg"] = (config.w_dim,)
    for resolution in config.resolutions:
        block = _synthesis_block(config, resolution)
        shapes |= {f"synthesis.b{resolution}.{name}": shape for name, shape in block.items()}
    return shapes


def discriminator_shapes(config: DiscriminatorConfig) -> Shapes:
    """Return the discriminator's tensors, without the prefix."""
    shapes: Shapes = {}
    for resolution in config.resolutions:
        block = _epilogue(config) if resolution == config.resolutions[0] else _discriminator_block(config, resolution)
        shapes |= {f"b{resolution}.{name}": shape for name, shape in block.items()}
    if config.num_classes:
        widths = _mapping_widths(
            0, config.num_classes, config.embed_dim, config.mapping_width, config.cmap_dim, config.mapping_layers
        )
        mapping = _mapping(widths, config.num_classes, config.embed_dim)
        shapes |= {f"mapping.{name}": shape for name, shape in mapping.items()}
    return shapes


def check_shapes(
    found: Mapping[str, Shape], config: GeneratorConfig, discriminator: DiscriminatorConfig | None
) -> None:
    """Compare a file's tensors with the architecture's. Raises ShapeMismatch with every difference in one message."""
    expected = expected_shapes(config, discriminator)
    if any(name.startswith(RAW_PREFIX) for name in found):
        expected |= {RAW_PREFIX + name: shape for name, shape in generator_shapes(config).items()}
    differences = (
        *_listed("missing", (f"{name} {list(shape)}" for name, shape in expected.items() if _is_missing(name, found))),
        *_listed("left over", (f"{name} {list(shape)}" for name, shape in found.items() if name not in expected)),
        *_listed(
            "of another shape",
            (
                f"{name} {list(found[name])} instead of {list(shape)}"
                for name, shape in expected.items()
                if found.get(name, shape) != shape
            ),
        ),
    )
    if differences:
        raise ShapeMismatch(
            f"tensors differ from a {config.resolution} px {config.architecture} StyleGAN2: {'; '.join(differences)}. "
            "Expected a whole, unmodified model: get the file again, or convert it with the code that wrote it"
        )


def _is_missing(name: str, found: Mapping[str, Shape]) -> bool:
    return name not in found and not OPTIONAL.fullmatch(name)


def _listed(what: str, items: Iterable[str]) -> tuple[str, ...]:
    listed = sorted(items)
    return (f"{len(listed)} {what}: {', '.join(listed)}",) if listed else ()


def _mapping_widths(z_dim: int, classes: int, embed_dim: int, hidden: int, out: int, layers: int) -> tuple[int, ...]:
    """Features before, between and after the fully connected layers."""
    entry = z_dim + (embed_dim if classes else 0)
    return (entry, *[hidden] * (layers - 1), out) if layers else (entry,)


def _mapping(widths: tuple[int, ...], classes: int, embed_dim: int) -> Shapes:
    shapes: Shapes = {}
    if classes:
        shapes |= {"embed.weight": (embed_dim, classes), "embed.bias": (embed_dim,)}
    for index, (entry, out) in enumerate(pairwise(widths)):
        shapes |= {f"fc{index}.weight": (out, entry), f"fc{index}.bias": (out,)}
    return shapes


def _synthesis_block(config: GeneratorConfig, resolution: int) -> Shapes:
    """The layers that produce `resolution` px."""
    height, width = (size * resolution // config.resolutions[0] for size in config.const_size)
    channels = config.channels_at(resolution)
    shapes: Shapes = {}
    if resolution == config.resolutions[0]:
        shapes["const"] = (channels, height, width)
    else:
        below = config.channels_at(resolution // 2)
        shapes |= _styled("conv0", channels, below, config.w_dim, (height, width))
        if config.architecture == "resnet":
            shapes["skip.weight"] = (channels, below, 1, 1)
    shapes |= _styled("conv1", channels, channels, config.w_dim, (height, width))
    if config.architecture == "skip" or resolution == config.resolution:
        shapes |= {"torgb.weight": (config.image_channels, channels, 1, 1), "torgb.bias": (config.image_channels,)}
        shapes |= {"torgb.affine.weight": (channels, config.w_dim), "torgb.affine.bias": (channels,)}
    return shapes


def _styled(layer: str, out: int, entry: int, w_dim: int, size: tuple[int, int]) -> Shapes:
    """A modulated 3x3 convolution with noise."""
    return {
        f"{layer}.weight": (out, entry, 3, 3),
        f"{layer}.bias": (out,),
        f"{layer}.noise_strength": (),
        f"{layer}.noise_const": size,
        f"{layer}.affine.weight": (entry, w_dim),
        f"{layer}.affine.bias": (entry,),
    }


def _discriminator_block(config: DiscriminatorConfig, resolution: int) -> Shapes:
    """The layers that turn `resolution` px into half of it."""
    channels, below = config.channels_at(resolution), config.channels_at(resolution // 2)
    shapes = _from_rgb(config, resolution)
    shapes |= {"conv0.weight": (channels, channels, 3, 3), "conv0.bias": (channels,)}
    shapes |= {"conv1.weight": (below, channels, 3, 3), "conv1.bias": (below,)}
    if config.architecture == "resnet":
        shapes["skip.weight"] = (below, channels, 1, 1)
    return shapes


def _epilogue(config: DiscriminatorConfig) -> Shapes:
    """The last block: minibatch statistics, one convolution, two fully connected layers."""
    channels = config.channels[0]
    area = config.const_size[0] * config.const_size[1]
    outputs = config.cmap_dim if config.num_classes else 1
    return _from_rgb(config, config.resolutions[0]) | {
        "conv.weight": (channels, channels + config.minibatch_channels, 3, 3),
        "conv.bias": (channels,),
        "fc.weight": (channels, channels * area),
        "fc.bias": (channels,),
        "out.weight": (outputs, channels),
        "out.bias": (outputs,),
    }


def _from_rgb(config: DiscriminatorConfig, resolution: int) -> Shapes:
    if config.architecture != "skip" and resolution != config.resolution:
        return {}
    channels = config.channels_at(resolution)
    return {"fromrgb.weight": (channels, config.image_channels, 1, 1), "fromrgb.bias": (channels,)}
