"""The StyleGAN2 generator: z -> w -> picture, top to bottom (Karras et al. 2020b, figures 2 and 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from stylegan2.config import CONST_RESOLUTION, GeneratorConfig
from stylegan2.layers import Conv2d, FullyConnected, SynthesisLayer, ToRGB, normalize_second_moment
from stylegan2.ops import setup_filter, upsample2d

NOISE_MODES = ("const", "random", "none")
HALF_CLAMP = 256.0  # fp16 ends at 65504, and a convolution sums thousands of products
State = tuple[Tensor | None, Tensor | None]  # after a block: activations [N, C, H, W], picture [N, 3, H, W]
Noise = Mapping[str, Tensor]  # layer name, such as "b8.conv0" -> [N or 1, 1, H, W]


class MappingNetwork(nn.Module):
    """z [N, z_dim] (and labels c [N, num_classes]) -> ws [N, num_ws, w_dim]."""

    w_avg: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.num_ws, self.num_classes, self.layers = config.num_ws, config.num_classes, config.mapping_layers
        width = config.z_dim
        if config.num_classes:
            self.embed = FullyConnected(config.num_classes, config.embed_dim)
            width += config.embed_dim
        for i in range(config.mapping_layers):
            outputs = config.mapping_width if i < config.mapping_layers - 1 else config.w_dim
            layer = FullyConnected(
                width, outputs, activation=config.mapping_activation, lr_multiplier=config.lr_multiplier
            )
            self.add_module(f"fc{i}", layer)
            width = outputs
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0, truncation_cutoff: int | None = None
    ) -> Tensor:
        """Map, broadcast to every layer, and pull the first `truncation_cutoff` layers toward the mean w by psi.

        truncation_psi: 1 = off, 0 = the mean face. truncation_cutoff: number of leading style vectors, None = all.
        Raises ValueError if z has another width, or labels are missing.
        """
        w = self.map(z, c)
        ws = w[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi == 1:
            return ws
        return truncate(ws, self.w_avg, truncation_psi, truncation_cutoff)

    def map(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """z [N, z_dim], c [N, num_classes] -> w [N, w_dim], without truncation."""
        x = normalize_second_moment(z.to(torch.float32))
        if self.num_classes:
            if c is None or c.shape != (z.shape[0], self.num_classes):
                raise ValueError(
                    f"labels: this model has {self.num_classes} classes; expected c [{z.shape[0]}, {self.num_classes}]"
                )
            x = torch.cat([x, normalize_second_moment(self.embed(c.to(torch.float32)))], dim=1)
        for i in range(self.layers):
            x = self.get_submodule(f"fc{i}")(x)
        return x


def truncate(ws: Tensor, w_avg: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """w_avg + psi · (w − w_avg) for the first `cutoff` of ws [N, num_ws, w_dim] (None = all)."""
    cutoff = ws.shape[1] if cutoff is None else cutoff
    return torch.cat([torch.lerp(w_avg, ws[:, :cutoff], psi), ws[:, cutoff:]], dim=1)


class SynthesisBlock(nn.Module):
    """The layers of one resolution. The block of 4 px starts from a learned constant and has one convolution."""

    fir: Tensor

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        self.architecture = config.architecture
        self.is_first = resolution == CONST_RESOLUTION
        self.compute: torch.dtype | None = None  # of activations; None: that of the weights
        outputs = config.channels_at(resolution)
        inputs = outputs if self.is_first else config.channels_at(resolution // 2)
        scale = resolution // CONST_RESOLUTION
        size = (config.const_size[0] * scale, config.const_size[1] * scale)
        fir = setup_filter(config.fir)
        layer = partial(
            SynthesisLayer,
            w_dim=config.w_dim,
            size=size,
            fir=fir,
            activation=config.activation,
            clamp=config.conv_clamp,
        )
        if self.is_first:
            self.const = nn.Parameter(torch.randn(outputs, *size))
        else:
            self.conv0 = layer(inputs, outputs, up=2)
        self.conv1 = layer(outputs, outputs)
        self.has_rgb = config.architecture == "skip" or resolution == config.resolution
        if self.has_rgb:
            self.torgb = ToRGB(outputs, config.image_channels, config.w_dim, clamp=config.conv_clamp)
        if config.architecture == "resnet" and not self.is_first:
            self.skip = Conv2d(inputs, outputs, 1, fir, resample="up", bias=False)
        self.register_buffer("fir", fir, persistent=False)

    def forward(
        self, x: Tensor | None, picture: Tensor | None, ws: Sequence[Tensor], noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor | None]:
        """x [N, in, H/2, W/2], picture [N, 3, H/2, W/2] or None -> the same at this resolution.

        ws: one style [N, w_dim] per convolution and one for to-RGB. noise: one per convolution.
        """
        y = self.enter(x, ws, noise)
        x = self.finish(x, y, ws, noise)
        return x, self.paint(x, picture, ws)

    def enter(self, x: Tensor | None, ws: Sequence[Tensor], noise: Sequence[Tensor | None]) -> Tensor:
        """The way up to this resolution, by the first of two convolutions; at 4 px the constant."""
        if x is None:
            const = self.const[None].expand(ws[0].shape[0], -1, -1, -1)
            return const.contiguous(memory_format=torch.channels_last)
        y: Tensor = self.conv0(x if self.compute is None else x.to(self.compute), ws[0], noise[0])
        return y

    def finish(self, x: Tensor | None, y: Tensor, ws: Sequence[Tensor], noise: Sequence[Tensor | None]) -> Tensor:
        """The last convolution, of what `enter` made of x; in the residual architecture x is added past both."""
        if x is None or self.architecture != "resnet":
            return cast(Tensor, self.conv1(y, ws[-2], noise[-1]))
        gain = math.sqrt(0.5)  # keeps unit variance through the sum (StyleGAN2, section 4.1)
        shortcut = self.skip(x.to(y.dtype), gain=gain)
        return cast(Tensor, shortcut + self.conv1(y, ws[-2], noise[-1], gain=gain))

    def paint(self, x: Tensor, picture: Tensor | None, ws: Sequence[Tensor]) -> Tensor | None:
        """The picture so far, enlarged, and what this resolution adds to it, if it draws."""
        if picture is not None:
            picture = upsample2d(picture, self.fir)
        if not self.has_rgb:
            return picture
        rgb: Tensor = self.torgb(x, ws[-1])
        return rgb if picture is None else picture + rgb


Step = tuple[SynthesisBlock, Sequence[Tensor], Sequence[Tensor | None]]  # a block, its styles, its noise


class SynthesisNetwork(nn.Module):
    """ws [N, num_ws, w_dim] -> pictures [N, 3, H, W], about [-1, 1], not clamped."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.resolutions, self.num_ws = config.resolutions, config.num_ws
        for resolution in config.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(config, resolution))

    def forward(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """Render. noise_mode: const (the model's own), random (from `generator`) or none; `noise` replaces it by layer.

        Raises ValueError for another mode or another number of styles.
        """
        last = None
        for picture in self.pictures(ws, noise_mode, generator, noise):
            last = picture
        return cast(Tensor, last)  # the last block always draws

    def pictures(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Iterator[Tensor]:
        """Render progressively: yield the picture [N, 3, h, w] as far as it is, at every resolution that draws.

        Arguments and errors as in `forward`. Only the skip architecture has pictures below the full size. Nothing is
        computed beyond the picture that was asked for last.
        """
        maps = self.noise_maps(ws.shape[0], noise_mode, generator, noise)
        state: State = (None, None)
        for block, styles, block_noise in self.steps(ws, maps):
            state = block(*state, styles, block_noise)
            if state[1] is not None:
                yield state[1].to(torch.float32)

    def compute_in(self, dtype: torch.dtype | None, from_resolution: int) -> None:
        """Let the blocks from a resolution on (px, above 4) compute in `dtype`; weights stay as they are. None ends it.

        In fp16 activations are clamped to ± 256 where the model has no clamp (Karras et al. 2020a, appendix C).
        """
        for resolution in self.resolutions[1:]:
            block = cast(SynthesisBlock, self.get_submodule(f"b{resolution}"))
            block.compute = dtype if resolution >= from_resolution else None
            for layer in block.children() if block.compute == torch.float16 else ():
                if isinstance(layer, (SynthesisLayer, ToRGB)) and layer.clamp is None:
                    layer.clamp = HALF_CLAMP

    def noise_maps(
        self, count: int, mode: str, generator: torch.Generator | None = None, given: Noise | None = None
    ) -> dict[str, Tensor | None]:
        """Return the noise of every convolution ("b8.conv0" -> [count or 1, 1, H, W]), coarse to fine; `given` wins.

        Raises ValueError for a mode that is none of const, random, none.
        """
        if mode not in NOISE_MODES:
            raise ValueError(f"noise_mode is {mode!r}; expected one of {', '.join(NOISE_MODES)}")
        layers = [(name, layer) for name, layer in self.named_modules() if isinstance(layer, SynthesisLayer)]
        given = given or {}
        return {n: given[n] if n in given else _noise(layer, count, mode, generator) for n, layer in layers}

    def steps(self, ws: Tensor, noise: Mapping[str, Tensor | None]) -> Iterator[Step]:
        """Yield every block, coarse to fine, with its styles and its noise, as `SynthesisBlock.forward` takes them.

        Raises ValueError for another number of styles.
        """
        if ws.ndim != 3 or ws.shape[1] != self.num_ws:
            raise ValueError(f"ws has shape {tuple(ws.shape)}; expected [N, {self.num_ws}, w_dim]")
        ws = ws.to(next(self.parameters()).dtype)
        for index, resolution in enumerate(self.resolutions):
            block = cast(SynthesisBlock, self.get_submodule(f"b{resolution}"))
            first = max(2 * index - 1, 0)  # each convolution takes the next style; to-RGB shares that of the next block
            names = [f"b{resolution}.conv{i}" for i in ([1] if index == 0 else [0, 1])]
            styles = ws[:, first : first + len(names) + 1].unbind(dim=1)
            yield block, styles, [noise[name] for name in names]


class WrappedSynthesis(SynthesisNetwork):
    """A synthesis network around another, which has the weights and does whatever a subclass does not."""

    def __init__(self, network: SynthesisNetwork) -> None:
        nn.Module.__init__(self)  # not SynthesisNetwork's, which would build another network
        self.network = network
        self.resolutions, self.num_ws = network.resolutions, network.num_ws

    def noise_maps(
        self, count: int, mode: str, generator: torch.Generator | None = None, given: Noise | None = None
    ) -> dict[str, Tensor | None]:
        """As of the network."""
        return self.network.noise_maps(count, mode, generator, given)

    def steps(self, ws: Tensor, noise: Mapping[str, Tensor | None]) -> Iterator[Step]:
        """As of the network."""
        return self.network.steps(ws, noise)

    def compute_in(self, dtype: torch.dtype | None, from_resolution: int) -> None:
        """As of the network."""
        self.network.compute_in(dtype, from_resolution)


def _noise(layer: SynthesisLayer, count: int, mode: str, generator: torch.Generator | None) -> Tensor | None:
    const = layer.noise_const
    if mode == "random":
        return torch.randn([count, 1, *const.shape], device=const.device, dtype=const.dtype, generator=generator)
    return const[None, None] if mode == "const" else None


class Generator(nn.Module):
    """Mapping and synthesis; its state dict has the native tensor names (stylegan2/checkpoints/checkpoint.py)."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)
        self.metadata: Mapping[str, Any] = {}  # of the file that it came from
        self.mapping_fingerprint = ""  # of the mapping network in that file; latents carry it

    def forward(
        self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0, noise_mode: str = "const"
    ) -> Tensor:
        """z [N, z_dim], labels c [N, num_classes] -> pictures [N, 3, H, W]."""
        picture: Tensor = self.synthesis(self.mapping(z, c, truncation_psi=truncation_psi), noise_mode=noise_mode)
        return picture

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""
        return self.mapping.w_avg.device
