"""Train a model on from another, as CUDA graphs: what made the shipped models where the processor was the limit.

    python weights/train_graphed.py faces runs/8 --from portraits --kimg 730 --batch 64 --lr 0.0025 --gamma 0.2

The options are those of `blendgan train`; what it leaves is too, but for the state to go on from. `--rampdown` lets the
learning rate fall over the second half. p follows ADA, without style mixing.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))  # graphed.py lies beside this file, in no package
from graphed import GraphedTrainer  # noqa: E402

from blendgan.anchor import Anchor
from blendgan.training import Run, begin_transfer, write_snapshot
from stylegan2.loading import load_generator
from stylegan2.train import TrainingConfig, open_dataset

EVERY = 64  # batches between lines of the log, and between changes of rate and p
LAST_RATE = 0.08  # share of the learning rate that is left at the end


def rate_factor(share: float) -> float:
    """Of the learning rate, after a share of the run: whole for one half, then along a cosine to LAST_RATE."""
    if share < 0.5:
        return 1.0
    return LAST_RATE + (1 - LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * (2 * share - 1)))


def pixels_of(data: Path, size_px: int, device: torch.device) -> torch.Tensor:
    """Return all pictures, uint8 [N, 3, size, size]."""
    pictures = open_dataset(data, size_px)
    shown = [pictures.batch(i, 1, 0, mirror=False).pictures for i in range(len(pictures))]  # an epoch: each once
    return ((torch.cat(shown) + 1) * 127.5).round().to(torch.uint8).to(device)


def train(run: Run, pixels: torch.Tensor, outdir: Path, snapshots: list[float], *, rampdown: bool) -> None:
    """Train to the end; snapshots at so many kimg, and then."""
    anchor = run.config.anchor
    base = load_generator(run.base).to(pixels.device) if run.base is not None and anchor else None
    term = Anchor(base, run.config.anchor_swaps, anchor) if base is not None else None
    trainer, began, left = GraphedTrainer(run.state, run.config, pixels, term), time.monotonic(), sorted(snapshots)
    outdir.mkdir(parents=True, exist_ok=True)
    while True:
        kimg = run.state.batches * run.config.batch / 1000
        if run.state.batches % EVERY == 0:
            figures = trainer.settle(rate_factor(kimg / run.config.kimg) if rampdown else 1.0)
            figures["images_per_second"] = kimg * 1000 / (time.monotonic() - began)
            with (outdir / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(figures) + "\n")
        if kimg >= run.config.kimg or (left and kimg >= left[0]):
            left = left[1:]
            write_snapshot(run, outdir.name, outdir)
        if kimg >= run.config.kimg:
            return
        trainer.step()


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--from", dest="model", required=True)
    for name, default in {"kimg": 100.0, "lr": 0.002, "gamma": 0.5, "p": 0.0, "ema-kimg": 1.0, "anchor": 0.0}.items():
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--snap", type=float, nargs="*", default=[], help="kimg at which to write snapshots")
    parser.add_argument("--freeze-mapping", action="store_true")
    parser.add_argument("--rampdown", action="store_true")
    parser.add_argument("--device", default="cuda")
    chosen = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    config = TrainingConfig(
        kimg=chosen.kimg, batch=chosen.batch, learning_rate=chosen.lr, gamma=chosen.gamma, augment_p=chosen.p,
        ema_kimg=chosen.ema_kimg, anchor=chosen.anchor, freeze_mapping=chosen.freeze_mapping, style_mixing=0.0,
    )  # fmt: skip
    run = begin_transfer(chosen.model, config, torch.device(chosen.device))
    pixels = pixels_of(chosen.data, run.state.generator.config.resolution, run.state.generator.device)
    train(run, pixels, chosen.outdir, chosen.snap, rampdown=chosen.rampdown)


if __name__ == "__main__":
    main()
