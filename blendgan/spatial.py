"""`SpatialPair`: two generators, one picture. A mask says at every pixel of the feature maps whose they are.

Below the resolution R each generator runs by itself, on the same w and noise. At R the streams join: what both make of
their own maps is mixed, m · blend + (1 - m) · BASE, and from there on every layer of both starts from the mixed maps,
and its results are mixed again, the picture too. So a mask of one value 0 or 1 gives BASE's or the blend's very
picture, and at an edge each side's layers see what the other's have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from blendgan.masks import Mask
from stylegan2.config import CONST_RESOLUTION, GeneratorConfig
from stylegan2.errors import InputError, ShapeMismatch
from stylegan2.generator import Generator, Noise, Step, SynthesisNetwork

Pair = tuple[Tensor | None, Tensor | None]  # BASE's and the blend's; the same tensor twice where they are mixed

DEFAULT_FROM = 16  # px, by eye: see docs/spatial.md


@dataclass(frozen=True, eq=False)
class Masking:
    """A mask and the resolution from which it acts, in px; None is 16, or the model's own where that is smaller."""

    mask: Mask
    from_resolution: int | None = None


class SpatialSynthesis(SynthesisNetwork):
    """ws [N, num_ws, w_dim] -> pictures [N, 3, H, W]: BASE's where the mask is 0, the blend's where it is 1."""

    def __init__(self, base: SynthesisNetwork, blend: SynthesisNetwork, shares: Mapping[int, Tensor]) -> None:
        nn.Module.__init__(self)  # not SynthesisNetwork's, which would build a third network
        self.resolutions, self.num_ws = base.resolutions, base.num_ws
        self.base, self.blend = base, blend
        self.from_resolution = min(shares)
        for resolution, share in shares.items():  # resolution, from R on -> [1, 1, H, W]
            self.register_buffer(f"mask{resolution}", share, persistent=False)

    def pictures(
        self,
        ws: Tensor,
        noise_mode: str = "const",
        generator: torch.Generator | None = None,
        noise: Noise | None = None,
    ) -> Iterator[Tensor]:
        """Render, as SynthesisNetwork does. Random noise is the same in both; const is each model's own."""
        base_noise = self.base.noise_maps(len(ws), noise_mode, generator, noise)
        blend_noise = base_noise if noise_mode == "random" else self.blend.noise_maps(len(ws), noise_mode, None, noise)
        pairs = zip(self.base.steps(ws, base_noise), self.blend.steps(ws, blend_noise), strict=True)
        x: Pair = (None, None)
        picture: Pair = (None, None)
        for resolution, (ours, theirs) in zip(self.resolutions, pairs, strict=True):
            x, picture = self._block(resolution, ours, theirs, x, picture)
            if picture[0] is not None and resolution >= self.from_resolution:  # mixed: both are the same
                yield picture[0].to(torch.float32)

    def _block(self, resolution: int, ours: Step, theirs: Step, x: Pair, picture: Pair) -> tuple[Pair, Pair]:
        """One resolution: each layer of BASE (ours) and of the blend (theirs), mixed as soon as both have run."""
        (base, w, noise), (blend, blend_w, blend_noise) = ours, theirs
        y = self._mix(resolution, base.enter(x[0], w, noise), blend.enter(x[1], blend_w, blend_noise))
        z = self._mix(resolution, base.finish(x[0], y[0], w, noise), blend.finish(x[1], y[1], blend_w, blend_noise))
        a, b = base.paint(z[0], picture[0], w), blend.paint(z[1], picture[1], blend_w)
        if a is None or b is None:  # an architecture that draws at the last resolution only
            return z, (None, None)
        return z, self._mix(resolution, a, b)

    def _mix(self, resolution: int, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) [N, C, H, W] as they are below R; from R on one mixture for both."""
        if resolution < self.from_resolution:
            return a, b
        share = self.get_buffer(f"mask{resolution}").to(a.dtype)
        mixed = torch.lerp(a, b, share)  # a's very numbers at 0, and b's at 1
        return mixed, mixed


class SpatialPair(Generator):
    """BASE, a blend of it, and a mask, as one generator. Latents are those of BASE, whose mapping network it has.

    `from_resolution`: where the mask begins to act, in px; None is 16, or the models' own where that is smaller.
    Raises InputError for another resolution than the models have, and for a mask of another shape than the pictures;
    ShapeMismatch for models of two architectures.
    """

    def __init__(self, base: Generator, blend: Generator, mask: Mask, from_resolution: int | None = None) -> None:
        nn.Module.__init__(self)  # not Generator's, which would build a third one
        _require_one_architecture(base.config, blend.config)
        mask.require_fit(*base.config.image_size)
        self.config, self.mapping = base.config, base.mapping
        self.mask, self.from_resolution = mask, _first_resolution(base.config, from_resolution)
        self.metadata = blend.metadata  # its lineage names the latents that both take
        self.mapping_fingerprint = base.mapping_fingerprint
        shares = {r: mask.at(*_size_at(base.config, r)).to(base.device) for r in base.config.resolutions}
        mixed = {r: share for r, share in shares.items() if r >= self.from_resolution}
        self.synthesis = SpatialSynthesis(base.synthesis, blend.synthesis, mixed)

    def papers(self) -> dict[str, Any]:
        """What a picture's metadata says of the mask: region, or file and SHA-256 of its pixels; and from where on."""
        return {**self.mask.to_json(), "from": self.from_resolution}


def _size_at(config: GeneratorConfig, resolution: int) -> tuple[int, int]:
    height, width = config.const_size
    return height * resolution // CONST_RESOLUTION, width * resolution // CONST_RESOLUTION


def _first_resolution(config: GeneratorConfig, wanted: int | None) -> int:
    resolution = min(DEFAULT_FROM, config.resolution) if wanted is None else wanted
    if resolution not in config.resolutions:
        raise InputError(
            f"mask-from: found {resolution} px, expected a resolution of the models: "
            f"{', '.join(map(str, config.resolutions))}"
        )
    return resolution


def _require_one_architecture(base: GeneratorConfig, blend: GeneratorConfig) -> None:
    """Where the streams join, their maps must be of one shape."""
    for name in ("resolution", "const_size", "architecture", "channels", "w_dim"):
        ours, theirs = getattr(base, name), getattr(blend, name)
        if ours != theirs:
            raise ShapeMismatch(
                f"mask: BASE has {name} {ours}, the blend {theirs}; expected models of one architecture"
            )
