"""Train the family of denoisers: a parent for noise 20, and from it one for each of 30, 40, 50 and 60 (of 255).

    python weights/train_denoisers.py --outdir runs/denoisers

As in Wang et al. 2018, section 3.2: fine-tuning keeps the places of the filters, so that the family can be
interpolated. A small DnCNN in colour, trained on scikit-image's pictures but for those of the test (astronaut, chelsea,
rocket) and the pair whose licence it does not give; grey ones are given two random colours. Each model is the moving
average of its weights. A run that was ended goes on from its last state. About 40 minutes of two cores with bfloat16.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import skimage.io
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from blendgan.restoration.networks import DnCNN

TRAINED_ON = (
    *("coffee.png", "retina.jpg", "ihc.png", "hubble_deep_field.jpg", "color.png"),
    *("camera.png", "brick.png", "gravel.png", "grass.png", "moon.png", "coins.png", "page.png", "text.png"),
    *("clock_motion.png", "cell.png"),
)
LEVELS = (20, 30, 40, 50, 60)  # standard deviation of the noise, of 255; the first is the parent's
PARENT = {"steps": 6000, "rate": 1e-3}
CHILD = {"steps": 1800, "rate": 3e-4}
BATCH, PATCH = 32, 48
SHRUNK = (1.0, 0.8, 0.6, 0.45)  # every picture at several sizes: smaller ones are sharper
PLAIN = 0.3  # of the patches of grey pictures stay grey
CHANNELS, WIDTH, DEPTH = 3, 32, 12
STEEPEST = 0.5  # norm of the gradient, at most
WARM, LAST_RATE = 200, 0.01  # steps that the rate rises; what is left of it at the end
AVERAGED = 0.999  # of the moving average, kept at each step
SAVE_EVERY = 250


@dataclass
class Course:
    """What moves while one model learns."""

    network: DnCNN
    adam: torch.optim.Adam
    average: dict[str, Tensor]
    draw: torch.Generator
    step: int = 0

    def state(self) -> dict[str, Any]:
        learned = {"network": self.network.state_dict(), "adam": self.adam.state_dict(), "average": self.average}
        return learned | {"step": self.step, "draw": self.draw.get_state()}

    def resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])
        self.draw.set_state(state["draw"])
        self.average, self.step = state["average"], state["step"]


def pictures() -> list[Tensor]:
    """The training pictures at every size, uint8 [3, H, W] or, grey, [1, H, W]."""
    folder = Path(skimage.data.__file__).parent
    found = []
    for name in TRAINED_ON:
        picture = torch.from_numpy(np.atleast_3d(skimage.io.imread(folder / name))[..., :3].copy()).permute(2, 0, 1)
        sizes = [[round(side * shrunk) for side in picture.shape[1:]] for shrunk in SHRUNK]
        for size in (size for size in sizes if min(size) >= PATCH):
            resized = functional.interpolate(picture[None].float(), size=size, mode="bicubic", antialias=True)
            found.append(resized[0].round().clamp(0, 255).to(torch.uint8))
    return found


def patch_of(source: Tensor, draw: torch.Generator) -> Tensor:
    """A random patch, turned and mirrored, its channels in any order, [3, PATCH, PATCH] in [0, 1]."""
    top, left = (int(torch.randint(side - PATCH + 1, (), generator=draw)) for side in source.shape[1:])
    patch = source[:, top : top + PATCH, left : left + PATCH].float() / 255
    turns, mirrored = int(torch.randint(4, (), generator=draw)), torch.rand((), generator=draw) < 0.5
    patch = coloured(patch, draw) if len(patch) == 1 else patch[torch.randperm(3, generator=draw)]
    patch = torch.rot90(patch, turns, (1, 2))
    return patch.flip(2) if mirrored else patch


def coloured(grey: Tensor, draw: torch.Generator) -> Tensor:
    """A grey patch between two random colours, or grey in three channels."""
    colours = torch.rand(2, 3, 1, 1, generator=draw)
    if torch.rand((), generator=draw) < PLAIN:
        colours = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1)
    return colours[0] + (colours[1] - colours[0]) * grey


def clean_batch(sources: list[Tensor], draw: torch.Generator) -> Tensor:
    """Random patches [BATCH, 3, PATCH, PATCH]; a picture is drawn by its side, not its area."""
    sides = torch.tensor([math.sqrt(source.shape[1] * source.shape[2]) for source in sources])
    drawn = torch.multinomial(sides, BATCH, replacement=True, generator=draw).tolist()
    return torch.stack([patch_of(sources[index], draw) for index in drawn])


def begin(level: int, start: dict[str, Tensor] | None, state_file: Path) -> Course:
    """A new course, or the one that a state file holds."""
    draw = torch.Generator().manual_seed(level)
    network = DnCNN(CHANNELS, WIDTH, DEPTH)
    network.load_state_dict(first_weights(network, draw) if start is None else start)
    network = network.to(memory_format=torch.channels_last)
    average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    course = Course(network, torch.optim.Adam(network.parameters()), average, draw)
    if state_file.exists():
        course.resume(torch.load(state_file, weights_only=True))
    return course


def first_weights(network: DnCNN, draw: torch.Generator) -> dict[str, Tensor]:
    """He et al. 2015, and a last layer that begins near nothing."""
    tensors = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
    for name in (name for name in tensors if name.endswith("weight")):
        torch.nn.init.kaiming_normal_(tensors[name], nonlinearity="relu", generator=draw)
    tensors[f"conv.{DEPTH - 1}.weight"] *= 0.1
    return tensors


def advance(course: Course, clean: Tensor, level: int, rate: float, *, bf16: bool) -> float:
    """One step; returns the mean squared error, of pictures in [0, 1]."""
    course.adam.param_groups[0]["lr"] = rate
    noisy = clean + torch.randn(clean.shape, generator=course.draw) * (level / 255)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        found = course.network(noisy.contiguous(memory_format=torch.channels_last))
    loss = (found.float() - clean).square().mean()
    course.adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(course.network.parameters(), STEEPEST)
    course.adam.step()
    course.step += 1
    kept = min(AVERAGED, course.step / (course.step + 9))
    for name, tensor in course.network.state_dict().items():
        course.average[name].lerp_(tensor, 1 - kept)
    return loss.item()


def rate_at(step: int, steps: int, rate: float) -> float:
    """The learning rate: it rises, then falls as half a cosine."""
    fallen = 0.5 * (1 + math.cos(math.pi * step / steps))
    return rate * min(1.0, (step + 1) / WARM) * (LAST_RATE + (1 - LAST_RATE) * fallen)


def train(
    level: int, start: dict[str, Tensor] | None, plan: dict[str, Any], outdir: Path, *, bf16: bool
) -> dict[str, Tensor]:
    """Train one model, write it, and return its tensors."""
    state_file, sources, losses = outdir / f"denoise-{level}.state.pt", pictures(), []
    course = begin(level, start, state_file)
    while course.step < plan["steps"]:
        clean = clean_batch(sources, course.draw)
        losses.append(advance(course, clean, level, rate_at(course.step, **plan), bf16=bf16))
        if course.step % SAVE_EVERY == 0 or course.step == plan["steps"]:
            psnr = -10 * math.log10(sum(losses) / len(losses))
            print(f"noise {level}: step {course.step}, PSNR of the batches {psnr:.2f} dB", flush=True)
            torch.save(course.state(), state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            losses = []
    save_file(
        {name: tensor.contiguous() for name, tensor in course.average.items()}, outdir / f"denoise-{level}.safetensors"
    )
    return course.average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outdir", type=Path, required=True)
    parser.add_argument("--only", type=int, choices=LEVELS, help="the parent and this level alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="16-bit arithmetic, for processors that have it")
    options = parser.parse_args()
    options.outdir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    parent = train(LEVELS[0], None, PARENT, options.outdir, bf16=options.bf16)
    for level in (level for level in LEVELS[1:] if options.only in (None, level)):
        train(level, parent, CHILD, options.outdir, bf16=options.bf16)


if __name__ == "__main__":
    main()
