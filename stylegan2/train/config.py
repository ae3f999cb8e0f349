"""What a training run is, as data. Kimg = thousands of real pictures shown to the discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from stylegan2.config import DiscriminatorConfig, GeneratorConfig, channels_by_rule
from stylegan2.errors import InputError

Number = int | float
PRECISIONS: dict[str, torch.dtype | None] = {  # of activations; None: the weights'
    "fp32": None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
AUGPIPES: dict[str, tuple[str, ...]] = {  # name -> which transformations (Karras et al. 2020a, figure 4)
    "blit": ("blit",),
    "geom": ("geom",),
    "color": ("color",),
    "filter": ("filter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
    "bg": ("blit", "geom"),
    "bgc": ("blit", "geom", "color"),
    "bgcf": ("blit", "geom", "color", "filter"),
    "bgcfn": ("blit", "geom", "color", "filter", "noise"),
    "bgcfnc": ("blit", "geom", "color", "filter", "noise", "cutout"),
}
RANGES: dict[str, tuple[tuple[str, ...], Callable[[Number], bool]]] = {  # what is expected -> of which, and the check
    "a number above 0": (("kimg", "learning_rate", "ada_kimg", "snapshot_kimg"), lambda x: x > 0),
    "a whole number of at least 1": (
        ("batch", "batch_gpu", "r1_interval", "pl_interval", "ada_interval"),
        lambda x: x >= 1 and x == int(x),
    ),
    "a number of at least 0": (("gamma", "pl_weight", "ema_kimg", "ema_rampup", "anchor"), lambda x: x >= 0),
    "a whole number of at least 0": (("freezed", "seed"), lambda x: x >= 0 and x == int(x)),
    "a number from 0 to 1": (("style_mixing", "augment_p", "pl_decay"), lambda x: 0 <= x <= 1),
    "a finite number": (("ada_target",), lambda x: True),
}


@dataclass(frozen=True)
class TrainingConfig:
    """The numbers of a run. Defaults follow StyleGAN2-ADA (Karras et al. 2020a, appendix C and table 5)."""

    kimg: float = 300.0  # where the run ends
    batch: int = 16
    batch_gpu: int | None = None  # pictures that a process holds at a time, their gradients added up; None: its share
    learning_rate: float = 0.002
    lr_scale: tuple[tuple[int, float], ...] = ()  # (resolution, factor): of synthesis layers' learning rate; 0 freezes
    freeze_mapping: bool = False  # the mapping network and its mean w stay as they are
    gamma: float = 0.2  # weight of R1
    r1_interval: int = 16  # lazy regularisation: R1 on every 16th batch
    pl_weight: float = 0.0  # of path length regularisation; 0: none. 2 is usual, and took 13 % more time at 64 px
    pl_decay: float = 0.01  # by which each batch moves the mean path length
    pl_interval: int = 4  # lazy regularisation: path length on every 4th batch
    style_mixing: float = 0.9  # probability of mixing two latents
    ema_kimg: float = 3.0  # half-life of the moving average; tried: 3 suits batches of 16
    ema_rampup: float = 0.05  # the half-life is at most this share of the run so far
    ada_target: float | None = 0.6  # r_t that the augmentation aims at; None: p stays as it is
    ada_kimg: float = 500.0  # kimg in which p could go from 0 to 1
    ada_interval: int = 4  # batches between changes of p
    augment_p: float = 0.0  # p at the start
    augpipe: str = "bgc"  # which transformations, a name in AUGPIPES
    mirror: bool = True  # half of the pictures are shown mirrored
    freezed: int = 0  # FreezeD: layers of the discriminator, from the picture on, that do not learn
    anchor: float = 0.0  # weight of the term that keeps a transfer blendable (blendgan/anchor.py); 0: none
    anchor_swaps: tuple[int, ...] = (8, 16, 32)  # px: where such blends take the higher layers from it
    snapshot_kimg: float = 10.0
    seed: int = 0
    precision: str = "fp32"  # of activations above 4 px; weights, picture, moments and average stay fp32

    def __post_init__(self) -> None:
        for expected, (names, is_right) in RANGES.items():
            for name in names:
                _check_number(name, getattr(self, name), expected, is_right)
        for name, known in (("precision", tuple(PRECISIONS)), ("augpipe", tuple(AUGPIPES))):
            if getattr(self, name) not in known:
                raise InputError(f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(known)}")
        for resolution, factor in self.lr_scale:
            _check_number(f"lr_scale of {resolution} px", factor, "a number of at least 0", lambda x: x >= 0)


def fresh_configs(
    resolution: int,
    *,
    channel_base: int,
    channel_max: int,
    latent: int,
    mapping_layers: int,
    minibatch_group: int = 4,
    num_classes: int = 0,
) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    """Return skip generator and residual discriminator, the paper's choice, by the usual rule of widths.

    minibatch_group: pictures that D compares (minibatch standard deviation); num_classes: 0 = unconditional.
    Raises InputError for sizes below 1, CheckpointError for a resolution that is no power of two.
    """
    for name, size in (
        ("channel_base", channel_base),
        ("channel_max", channel_max),
        ("latent", latent),
        ("mapping_layers", mapping_layers),
        ("minibatch_group", minibatch_group),
    ):
        _check_number(name, size, "a number of at least 1", lambda x: x >= 1)
    channels = channels_by_rule(resolution, channel_base, channel_max)
    generator = GeneratorConfig(
        resolution, channels, latent, latent, num_classes,
        mapping_layers=mapping_layers, mapping_width=latent, embed_dim=latent,
    )  # fmt: skip
    discriminator = DiscriminatorConfig(
        resolution, channels, num_classes, minibatch_group=minibatch_group,
        cmap_dim=latent, mapping_layers=mapping_layers, mapping_width=latent, embed_dim=latent,
    )  # fmt: skip
    return generator, discriminator


def _check_number(name: str, found: Number | None, expected: str, is_right: Callable[[Number], bool]) -> None:
    """None stands for a number that is not in use. Raises InputError for infinity, NaN, and what is out of range."""
    if found is not None and not (math.isfinite(found) and is_right(found)):
        raise InputError(f"{name}: found {found}, expected {expected}; choose another")
