"""Known good sets of numbers by name: fields of TrainingConfig, and the sizes that `fresh_configs` takes.

"ADA" is the table of hyper-parameters in Karras et al. 2020a, appendix C (figure 24); "SG2" Karras et al. 2020b,
appendix B; "P&A" Pinkney & Adler 2020, appendix B.1. Widths: feature maps times resolution; 32768 is ADA's "1×", 16384
its "½×".
"""

from __future__ import annotations

from typing import Any

STYLEGAN2: dict[str, Any] = {  # ADA, column StyleGAN2 config F: what was trained on FFHQ at 1024 px
    "kimg": 25_000.0,
    "batch": 32,
    "minibatch_group": 4,
    "channel_base": 32768,
    "channel_max": 512,  # SG2, as all of ADA's columns at these sizes
    "latent": 512,  # the same
    "mapping_layers": 8,
    "learning_rate": 0.002,
    "gamma": 10.0,
    "ema_kimg": 10.0,
    "ema_rampup": 0.0,  # none: SG2 has a constant half-life
    "style_mixing": 0.9,  # SG2
    "pl_weight": 2.0,  # SG2
}
PAPER256 = STYLEGAN2 | {  # ADA, column Our baseline: FFHQ and LSUN Cat at 256 px
    "batch": 64,
    "minibatch_group": 8,
    "channel_base": 16384,
    "learning_rate": 0.0025,
    "gamma": 1.0,
    "ema_kimg": 20.0,
}
PINKNEY = {"mirror": True, "ada_target": None, "augment_p": 0.0}  # P&A: mirrored, else SG2's settings: no augmentation
NAMES = ("auto", "paper256", "stylegan2", "toon-32kimg", "ukiyoe-312kimg")


def preset(name: str, *, resolution: int, batch: int | None = None, processes: int = 1) -> dict[str, Any]:
    """Return the numbers of a preset. `auto` depends on the pictures' resolution (px), the processes, and any batch."""
    table = {
        "stylegan2": STYLEGAN2,
        "paper256": PAPER256,
        "toon-32kimg": STYLEGAN2 | PINKNEY | {"kimg": 32.0},  # P&A B.1.2: from config F, learning rate 0.002
        "ukiyoe-312kimg": STYLEGAN2 | PINKNEY | {"kimg": 312.0, "channel_base": 16384},  # P&A B.1.1: from config E
    }
    return dict(table[name]) if name in table else _auto(resolution, batch, processes)


def _auto(resolution: int, batch: int | None, processes: int) -> dict[str, Any]:
    """Scale the paper's columns to a size: the rules that users of StyleGAN2-ADA know by this name.

    γ grows with the number of pixels and falls with the batch; the average's half-life is ADA's 10 kimg at a batch of
    32; a process takes as many pictures as fit beside each other at this size, 32 at most, all together 64.
    """
    each = max(min(4096 // resolution, 32), 1)
    batch = batch or max(min(processes * each, 64), processes)
    return STYLEGAN2 | {
        "batch": batch,
        "minibatch_group": max(min(batch // processes, 4), 1),
        "channel_base": 32768 if resolution >= 512 else 16384,
        "mapping_layers": 2,
        "learning_rate": 0.002 if resolution >= 1024 else 0.0025,
        "gamma": 0.0002 * resolution**2 / batch,
        "ema_kimg": batch * 10 / 32,
        "ema_rampup": 0.05,
    }
