"""The encoder: looks at a crop and at the generator's present picture of it, and says how w has to change.

A residual encoder that is asked several times, as in ReStyle (Alaluf, Patashnik, Cohen-Or 2021, equations 2 and 3): the
first time the present picture is that of the mean face. What it says is one change for each style layer, in standard
deviations of w, as pSp has one style for each layer (Richardson et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylegan2.errors import InputError, WrongGenerator
from stylegan2.generator import Generator

SMALLEST_PX = 4  # of the feature maps; what is left of the picture there is read place by place
SLOPE = 0.2  # of the leaky ReLU, as in the generator
GROUPS = 8  # of channels that are normalised together (Wu, He 2018): no face depends on its company


@dataclass(frozen=True)
class EncoderConfig:
    """The sizes of an encoder.

    `input_px`: side to which crops and pictures are reduced. `channels`: of the feature maps at half of it, a quarter,
    … down to 4 px. `hidden`: numbers between the last map and the styles. `num_ws`, `w_dim`: the generator's.
    `passes`: how often it looks, where nothing else is said.
    """

    num_ws: int
    w_dim: int
    input_px: int = 64
    channels: tuple[int, ...] = (32, 64, 128, 256)
    hidden: int = 384
    passes: int = 3

    def __post_init__(self) -> None:
        if self.input_px != SMALLEST_PX << len(self.channels):
            raise InputError(
                f"encoder: found {self.input_px} px and {len(self.channels)} maps, expected "
                f"{SMALLEST_PX << len(self.channels)} px: each map has half the side of the one before, the last 4 px"
            )


class Conv2d(nn.Conv2d):
    """Torch's, whose weights are not drawn at once: they come from a file, or from `Encoder.draw_weights`."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class Linear(nn.Linear):
    """As Conv2d."""

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class Residual(nn.Module):
    """[N, in, H, W] -> [N, out, H/2, W/2]: two convolutions, beside which the mean of 2x2 px goes past."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.norm0 = nn.GroupNorm(min(GROUPS, outputs), outputs)
        self.conv1 = Conv2d(outputs, outputs, 3, padding=1)
        self.norm1 = nn.GroupNorm(min(GROUPS, outputs), outputs)
        self.skip = Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.norm0(self.conv0(x)), SLOPE)
        y = self.norm1(self.conv1(y)) + self.skip(F.avg_pool2d(x, 2))
        return F.leaky_relu(y, SLOPE)


class Encoder(nn.Module):
    """See the module. `w_mean`, `w_std` [w_dim]: of the generator's w, the units in which it speaks.

    Its weights have no values until they are drawn or loaded.
    """

    w_mean: Tensor
    w_std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = ""  # fingerprint of the mapping network whose styles it gives
        widths = (6, *config.channels)
        self.blocks = nn.Sequential(*(Residual(a, b) for a, b in zip(widths, widths[1:], strict=False)))
        self.hidden = Linear(config.channels[-1] * SMALLEST_PX**2, config.hidden)
        self.styles = Linear(config.hidden, config.num_ws * config.w_dim)
        self.register_buffer("w_mean", torch.zeros(config.w_dim))
        self.register_buffer("w_std", torch.ones(config.w_dim))

    def draw_weights(self, draw: torch.Generator) -> None:
        """Begin anew (He et al. 2015); the styles at 0, so that an untrained encoder changes nothing."""
        for module in self.modules():
            if isinstance(module, (Conv2d, Linear)):
                nn.init.kaiming_normal_(module.weight, SLOPE, nonlinearity="leaky_relu", generator=draw)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.styles.weight)

    def forward(self, crops: Tensor, pictures: Tensor) -> Tensor:
        """Return the change of w [N, num_ws, w_dim], in std, that brings the pictures nearer to the crops.

        Both [N, 3, R, R] in [-1, 1], of any size R.
        """
        x = torch.cat([self._reduced(crops), self._reduced(pictures)], dim=1)  # [N, 6, input_px, input_px]
        x = self.blocks(x.contiguous(memory_format=torch.channels_last))
        x = F.leaky_relu(self.hidden(x.flatten(1)), SLOPE)
        change: Tensor = self.styles(x).unflatten(1, (self.config.num_ws, self.config.w_dim))
        return change

    def _reduced(self, pictures: Tensor) -> Tensor:
        size = self.config.input_px
        if pictures.shape[-1] == size:
            return pictures
        return F.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)

    def start(self, count: int) -> Tensor:
        """Return the mean face's w [count, num_ws, w_dim]."""
        return self.w_mean.expand(count, self.config.num_ws, -1)

    @torch.no_grad()
    def encode(self, crops: Tensor, generator: Generator, passes: int | None = None) -> Tensor:
        """Return w [N, num_ws, w_dim] of crops [N, 3, R, R] in [-1, 1], R the generator's resolution.

        Raises WrongGenerator for a generator of other styles.
        """
        self.require(generator)
        w = self.start(len(crops))
        for _ in range(self.config.passes if passes is None else passes):
            w = w + self.w_std * self(crops, generator.synthesis(w))
        return w

    def require(self, generator: Generator) -> None:
        """Check that a generator's styles are those that this encoder gives. Raises WrongGenerator."""
        if not self.fits(generator):
            found, expected = (self.config.num_ws, self.config.w_dim), (generator.config.num_ws, generator.config.w_dim)
            raise WrongGenerator(
                f"encoder: gives styles {found}, the generator takes {expected}; train one by `blendgan train-encoder`"
            )

    def fits(self, generator: Generator) -> bool:
        """Whether its styles are as many and as long as the generator's."""
        return (self.config.num_ws, self.config.w_dim) == (generator.config.num_ws, generator.config.w_dim)
