"""Train an encoder as `blendgan train-encoder` does, its passes as one CUDA graph: what made the shipped one.

python weights/train_encoder_graphed.py portraits faces-seen encoder.safetensors --kimg 37 --batch 24 --lr 0.0015
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent))  # graphed.py lies beside this file, in no package
from graphed import capture, follow  # noqa: E402
from train_graphed import pixels_of  # noqa: E402

from blendgan import __version__
from blendgan.encoder_runs import EncoderRun, begin_encoder
from projector.encoders.files import save_encoder
from projector.encoders.training import LARGEST_STEP, EncoderTraining, _penalties
from projector.perceptual import Target
from stylegan2.train.data import from_bytes

WARM_UP = 200  # batches over which the learning rate rises
EVERY, LOG_EVERY = 20, 100  # batches between changes of the rate, and between lines of the log


class GraphedEncoder:
    """A course, its batches drawn on the device and its passes replayed. pixels: uint8 [N, 3, R, R]."""

    def __init__(self, run: EncoderRun, pixels: Tensor) -> None:
        self.run, self.pixels, self.device = run, pixels, pixels.device
        run.generator.requires_grad_(False)
        config, self.encoder = run.course.config, run.course.encoder
        self.real = round(config.batch * config.real)
        self.rate, self.share = (torch.tensor(0.0, device=self.device) for _ in range(2))
        on_device = self.device.type == "cuda"
        run.course.optimizer = torch.optim.Adam(
            self.encoder.parameters(),
            lr=self.rate if on_device else config.learning_rate,
            betas=(0.9, 0.99),
            capturable=on_device,
            foreach=on_device,
        )
        self.sums = torch.zeros(2, device=self.device)
        with torch.no_grad():
            self.mean_picture = run.generator.synthesis(self.encoder.start(1))
        self._repeat = capture(self._passes, self.device)

    def step(self) -> None:
        """Show one batch."""
        course = self.run.course
        if course.batches % EVERY == 0:
            left = min(1.0, (1 - course.batches / course.total) / course.config.rampdown)
            rate = course.config.learning_rate * (0.5 - 0.5 * math.cos(math.pi * left))
            self.rate.fill_(rate * min(1.0, (course.batches + EVERY) / WARM_UP))
            self.share.fill_(1 - min(course.config.ema, (1 + course.batches) / (10 + course.batches)))
        self._repeat()
        course.batches += 1

    def distances(self, batches: int) -> dict[str, float]:
        """Return the mean distances of both kinds of crops over so many batches since the last time."""
        real, own = (self.sums / batches).tolist()
        self.sums.zero_()
        return {"distance_real": round(real, 4), "distance_own": round(own, 4)}

    def _passes(self) -> None:
        course, generator, encoder = self.run.course, self.run.generator, self.encoder
        with torch.no_grad():
            w = self._styles(course.config.batch - self.real)
            crops = torch.cat([self._crops(), generator.synthesis(w)]).clamp(-1, 1)
            target = Target(crops, self.run.discriminator, course.config.weights)
        u, pictures = torch.zeros_like(w[:1]).repeat(len(crops), 1, 1), self.mean_picture.expand(len(crops), -1, -1, -1)
        true_u = (w - encoder.w_mean) / encoder.w_std
        for _ in range(encoder.config.passes):
            u = u + encoder(crops, pictures)
            pictures = generator.synthesis(encoder.w_mean + encoder.w_std * u)
            distances = target.distance(pictures)
            self._learn(distances.mean() + _penalties(u, true_u, course.config))
            u, pictures = u.detach(), pictures.detach()
        found = distances.detach()
        self.sums += torch.stack([found[: self.real].mean(), found[self.real :].mean()])

    def _learn(self, loss: Tensor) -> None:
        course = self.run.course
        course.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), LARGEST_STEP)
        course.optimizer.step()
        follow(list(course.average.parameters()), list(self.encoder.parameters()), self.share)

    def _crops(self) -> Tensor:
        """Real crops, mirrored, moved and lit at random, as `disturbed` does."""
        config, count, device = self.run.course.config, self.real, self.device
        crops = from_bytes(self.pixels[torch.randint(len(self.pixels), [count], device=device)])
        crops = torch.where(torch.rand([count, 1, 1, 1], device=device) < 0.5, crops.flip(3), crops)
        x, y, growth, roll = (config.jitter * torch.randn(4, count, device=device)).unbind()
        c, s = growth.exp() * roll.cos(), growth.exp() * roll.sin()
        grid = F.affine_grid(
            torch.stack([c, -s, x, s, c, y], dim=1).reshape(count, 2, 3), list(crops.shape), align_corners=False
        )
        moved = F.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
        light = config.light * torch.randn(2, count, 3, 1, 1, device=device)
        contrast, brightness = light / 2 + config.light * torch.randn(2, count, 1, 1, 1, device=device)
        lit: Tensor = moved * contrast.exp() + brightness
        return lit

    def _styles(self, count: int) -> Tensor:
        """w of random faces, half of them of two from a random layer on, as `drawn_styles` does."""
        generator, device = self.run.generator, self.device
        ws = generator.mapping.map(torch.randn(2 * count, generator.config.z_dim, device=device))
        first, second = ws[:, None].expand(-1, generator.config.num_ws, -1).chunk(2)
        crossing = torch.randint(1, generator.config.num_ws + 1, [count], device=device)
        crossing = torch.where(torch.rand(count, device=device) < 0.5, crossing, generator.config.num_ws)
        from_second = torch.arange(generator.config.num_ws, device=device) >= crossing[:, None]
        return torch.where(from_second[:, :, None], second, first)


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kimg", type=float, default=37.0)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--lr", type=float, default=0.0015)
    parser.add_argument("--device", default="cuda")
    chosen = parser.parse_args()
    config = EncoderTraining(kimg=chosen.kimg, batch=chosen.batch, learning_rate=chosen.lr)
    run = begin_encoder(chosen.model, config, torch.device(chosen.device))
    trainer = GraphedEncoder(run, pixels_of(chosen.data, run.generator.config.resolution, run.generator.device))
    log = chosen.out.with_suffix(".log.jsonl")
    while run.course.batches < run.course.total:
        trainer.step()
        if run.course.batches % LOG_EVERY == 0:
            line = {"kimg": run.course.batches * config.batch / 1000, **trainer.distances(LOG_EVERY)}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    said = {
        "version": __version__,
        "model": {"name": Path(run.source.name).stem, "fingerprint": run.source.fingerprint},
        "data": chosen.data.name,
        "kimg": run.course.batches * config.batch / 1000,
        "training": asdict(config),
        "licence": run.source.checkpoint.metadata.get("licence"),
    }
    save_encoder(run.course.average, chosen.out, said)


if __name__ == "__main__":
    main()
