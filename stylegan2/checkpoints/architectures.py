"""Shapes -> records: what a network's tensors say of its architecture. The inverse of `shapes.py`.

Nothing here fails on a missing tensor: what it would have told is guessed from its neighbours or left at the
default, so that the check that follows can list everything that is wrong in one message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stylegan2.checkpoints.shapes import Shape
from stylegan2.config import CONST_RESOLUTION, DiscriminatorConfig, GeneratorConfig, resolutions_up_to
from stylegan2.errors import CheckpointError

Shapes = Mapping[str, Shape]

# Which tensors show the feature maps at r px, and on which axis; {up} is 2 r, {down} is r / 2.
GENERATOR_WIDTHS = (
    ("synthesis.b{r}.conv1.weight", 0),
    ("synthesis.b{r}.conv1.bias", 0),
    ("synthesis.b{r}.conv0.weight", 0),
    ("synthesis.b{r}.torgb.weight", 1),
    ("synthesis.b{r}.const", 0),
    ("synthesis.b{up}.conv0.weight", 1),
)
DISCRIMINATOR_WIDTHS = (
    ("b{r}.conv0.weight", 0),
    ("b{r}.fc.weight", 0),  # of the last block
    ("b{r}.conv.weight", 0),
    ("b{r}.fromrgb.weight", 0),
    ("b{r}.conv1.weight", 1),
    ("b{up}.conv1.weight", 0),
)
MAPPING_WIDTH = (("mapping.fc0.weight", 0), ("mapping.fc0.bias", 0), ("mapping.fc1.weight", 1))


def generator_from_shapes(shapes: Shapes, traits: Mapping[str, Any]) -> GeneratorConfig:
    """Return the record of a generator, from its tensors' shapes and from `traits`, the fields that no shape tells."""
    resolutions = _resolutions(shapes, r"synthesis\.b(\d{1,5})\..*")
    layers = _mapping_layers(shapes)
    fields = {
        "resolution": resolutions[-1],
        "channels": _widths(shapes, resolutions, GENERATOR_WIDTHS),
        "w_dim": _first(shapes, [("synthesis.b4.conv1.affine.weight", 1), ("mapping.w_avg", 0)], 512),
        "mapping_layers": layers,
        "architecture": _generator_architecture(shapes, resolutions),
        "const_size": shapes.get("synthesis.b4.const", (0, 4, 4))[1:3],
        "image_channels": _first(shapes, [(f"synthesis.b{resolutions[-1]}.torgb.weight", 0)], 3),
        **_labels(shapes),
    }
    fields["z_dim"] = _entry(shapes, fields["w_dim"])
    fields["mapping_width"] = _first(shapes, MAPPING_WIDTH, 512) if layers > 1 else fields["w_dim"]
    return GeneratorConfig(**{**fields, **traits})


def discriminator_from_shapes(
    shapes: Shapes, traits: Mapping[str, Any], const_size: tuple[int, int]
) -> DiscriminatorConfig:
    """Return the record of a discriminator. `const_size` is the generator's: the tensors show only its area."""
    resolutions = _resolutions(shapes, r"b(\d{1,5})\..*")
    channels = _widths(shapes, resolutions, DISCRIMINATOR_WIDTHS)
    fields = {
        "resolution": resolutions[-1],
        "channels": channels,
        "architecture": _discriminator_architecture(shapes, resolutions),
        "const_size": _last_size(shapes, channels[0], const_size),
        "image_channels": _first(shapes, [(f"b{resolutions[-1]}.fromrgb.weight", 1)], 3),
        "minibatch_channels": max(0, _first(shapes, [("b4.conv.weight", 1)], channels[0] + 1) - channels[0]),
        **_labels(shapes),
    }
    if "num_classes" in fields:
        fields["cmap_dim"] = _first(shapes, [("b4.out.weight", 0)], 512)
        fields["mapping_layers"] = _mapping_layers(shapes)
        is_deep = fields["mapping_layers"] > 1
        fields["mapping_width"] = _first(shapes, MAPPING_WIDTH, 512) if is_deep else fields["cmap_dim"]
    return DiscriminatorConfig(**{**fields, **traits})


def _resolutions(shapes: Shapes, pattern: str) -> tuple[int, ...]:
    matches = (re.fullmatch(pattern, name) for name in shapes)
    top = max((int(match[1]) for match in matches if match), default=0)
    if not top:
        raise CheckpointError("found a network without layers, expected blocks of 4, 8, … px")
    return resolutions_up_to(top)


def _widths(shapes: Shapes, resolutions: tuple[int, ...], evidence: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    """Feature maps at every resolution; where no tensor tells, those of the resolution below."""
    widths: list[int] = []
    for r in resolutions:
        places = [(name.format(r=r, up=2 * r), axis) for name, axis in evidence]
        widths.append(_first(shapes, places, widths[-1] if widths else 1))
    return tuple(widths)


def _first(shapes: Shapes, places: Iterable[tuple[str, int]], default: int) -> int:
    """Return the size on the axis of the first tensor that is there."""
    for name, axis in places:
        shape = shapes.get(name, ())
        if len(shape) > axis and shape[axis]:
            return shape[axis]
    return default


def _mapping_layers(shapes: Shapes) -> int:
    matches = (re.fullmatch(r"mapping\.fc(\d{1,3})\.weight", name) for name in shapes)
    return max((int(match[1]) + 1 for match in matches if match), default=0)


def _labels(shapes: Shapes) -> dict[str, Any]:
    """Class count and width of the embedding, where there is one; otherwise nothing: the defaults stand."""
    if "mapping.embed.weight" not in shapes:
        return {}
    places = "mapping.embed.weight"
    return {"num_classes": _first(shapes, [(places, 1)], 1), "embed_dim": _first(shapes, [(places, 0)], 512)}


def _entry(shapes: Shapes, w_dim: int) -> int:
    """z_dim: what the first mapping layer takes, less the embedding of labels."""
    embed = _first(shapes, [("mapping.embed.weight", 0)], 0)
    return max(0, _first(shapes, [("mapping.fc0.weight", 1)], w_dim + embed) - embed)


def _generator_architecture(shapes: Shapes, resolutions: tuple[int, ...]) -> str:
    if any(f"synthesis.b{r}.skip.weight" in shapes for r in resolutions):
        return "resnet"
    is_skip = any(f"synthesis.b{r}.torgb.weight" in shapes for r in resolutions[:-1])
    return "skip" if is_skip or len(resolutions) == 1 else "orig"


def _discriminator_architecture(shapes: Shapes, resolutions: tuple[int, ...]) -> str:
    if any(f"b{r}.skip.weight" in shapes for r in resolutions):
        return "resnet"
    is_skip = any(f"b{r}.fromrgb.weight" in shapes for r in resolutions[:-1])
    return "skip" if is_skip or resolutions[-1] == CONST_RESOLUTION else "orig"


def _last_size(shapes: Shapes, channels: int, const_size: tuple[int, int]) -> tuple[int, int]:
    area = _first(shapes, [("b4.fc.weight", 1)], 0) // channels
    side = math.isqrt(area)
    return (side, side) if side * side == area and area != math.prod(const_size) and side else const_size
