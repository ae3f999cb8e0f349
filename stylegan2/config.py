"""What a network is, as data: every hyper-parameter that its tensors or its file fix.

Two frozen records, one per network. A checkpoint dialect fills them from its own keyword arguments, or from
the tensors' shapes; nobody asks the user. Resolutions are nominal: the const counts as 4 px whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from stylegan2.errors import CheckpointError

ARCHITECTURES = ("skip", "resnet", "orig")  # StyleGAN2, figure 7: output skips, residual, plain feed-forward
CONST_RESOLUTION = 4  # px, the nominal resolution of the learned constant
STANDARD_FIR = (1.0, 3.0, 3.0, 1.0)  # binomial filter of StyleGAN2's up- and down-sampling


def resolutions_up_to(resolution: int) -> tuple[int, ...]:
    """Return (4, 8, …, resolution). Raises CheckpointError unless resolution is a power of two, at least 4."""
    if resolution < CONST_RESOLUTION or resolution & (resolution - 1):
        raise CheckpointError(f"resolution: found {resolution}, expected a power of two of at least 4")
    return tuple(2**octave for octave in range(2, resolution.bit_length()))


def channels_by_rule(resolution: int, channel_base: int, channel_max: int) -> tuple[int, ...]:
    """Feature maps at 4, 8, …, resolution by the usual rule, min(base // r, max): config-f is (32768, 512)."""
    return tuple(max(1, min(channel_base // r, channel_max)) for r in resolutions_up_to(resolution))


@dataclass(frozen=True)
class GeneratorConfig:
    """A StyleGAN2 generator: mapping and synthesis network.

    `channels[i]` is the number of feature maps at resolution 4·2**i; it need not be even, nor follow a rule.
    `const_size` is (height, width) of the learned constant in px, (4, 4) unless the pictures are not square.
    `lr_multiplier` scales the mapping network's weights and biases at run time (0.01 in the paper).
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    num_classes: int = 0  # length of the label vector; 0 = unconditional
    mapping_layers: int = 8
    mapping_width: int = 512  # output features of every mapping layer but the last, which has w_dim
    embed_dim: int = 512  # output features of the label embedding; unused without labels
    architecture: str = "skip"
    const_size: tuple[int, int] = (4, 4)
    image_channels: int = 3
    conv_clamp: float | None = None  # activations are clamped to ± this, in every precision
    lr_multiplier: float = 0.01
    activation: str = "lrelu"
    mapping_activation: str = "lrelu"
    fir: tuple[float, ...] = STANDARD_FIR
    w_avg_decay: float = 0.998  # per batch, of the running mean of w

    def __post_init__(self) -> None:
        _check_network(self.resolution, self.channels, self.architecture)
        if min(self.const_size) < 1:
            raise CheckpointError(f"const_size: found {self.const_size}, expected two sizes of at least 1 px")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """(4, 8, …, resolution), in px."""
        return resolutions_up_to(self.resolution)

    @property
    def num_ws(self) -> int:
        """Style vectors that one picture takes: one per convolution, and one for the last to-RGB."""
        return 2 * len(self.channels)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the pictures in px."""
        scale = self.resolution // CONST_RESOLUTION
        return self.const_size[0] * scale, self.const_size[1] * scale

    def channels_at(self, resolution: int) -> int:
        """Feature maps of the layers that produce `resolution` px."""
        return self.channels[self.resolutions.index(resolution)]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """A StyleGAN2 discriminator. `channels[i]` is the number of feature maps that enter the block of 4·2**i px.

    (The block of r px turns `channels` of r into those of r/2; the last block keeps those of 4 px.)
    `minibatch_group` 0 takes the whole batch as one group. `cmap_dim` is the width of the label projection.
    """

    resolution: int
    channels: tuple[int, ...]
    num_classes: int = 0
    architecture: str = "resnet"
    const_size: tuple[int, int] = (4, 4)  # size of the activation that the last block sees
    image_channels: int = 3
    conv_clamp: float | None = None
    activation: str = "lrelu"
    fir: tuple[float, ...] = STANDARD_FIR
    minibatch_group: int = 4
    minibatch_channels: int = 1
    cmap_dim: int = 512  # unused without labels
    mapping_layers: int = 8  # of the label mapping; unused without labels
    mapping_width: int = 512
    embed_dim: int = 512
    lr_multiplier: float = 0.01

    def __post_init__(self) -> None:
        _check_network(self.resolution, self.channels, self.architecture)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """(4, 8, …, resolution), in px."""
        return resolutions_up_to(self.resolution)

    def channels_at(self, resolution: int) -> int:
        """Feature maps at `resolution` px."""
        return self.channels[self.resolutions.index(resolution)]


Config = TypeVar("Config", GeneratorConfig, DiscriminatorConfig)


def to_json(config: GeneratorConfig | DiscriminatorConfig) -> dict[str, Any]:
    """Return the record as plain JSON values; the inverse of `from_json`."""
    return asdict(config)


def from_json(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a record from JSON values. Raises CheckpointError for a field that the record does not have."""
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise CheckpointError(
            f"{kind.__name__}: unknown fields {', '.join(unknown)}; the file may be from a newer version"
        )
    arguments: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    return kind(**arguments)


def _check_network(resolution: int, channels: tuple[int, ...], architecture: str) -> None:
    expected = len(resolutions_up_to(resolution))
    if len(channels) != expected or min(channels) < 1:
        raise CheckpointError(
            f"channels: found {channels}, expected {expected} positive numbers, for 4 … {resolution} px"
        )
    if architecture not in ARCHITECTURES:
        raise CheckpointError(f"architecture: found {architecture!r}, expected one of {', '.join(ARCHITECTURES)}")
