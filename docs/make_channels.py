"""Measure and draw what docs/channels.md shows, from the shipped pair:  python docs/make_channels.py

A fifth of the channels is taken from TRANSFER: those that `region` chooses for a box, those that other measures would
choose, and random ones. All numbers are mean absolute changes of pictures in [-1, 1], of faces that no ranking saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from blendgan.channels import Box, Region, leading
from blendgan.combine import Channelwise, Share, combine
from blendgan.feature_maps import CONST_MAPS, map_counts, maps_of
from blendgan.images import SMALLEST_CELL_PX, enlarge, grid, to_pictures, write_png
from blendgan.ranking import SAMPLES, SEED, TRUNCATION_PSI, Gains, gains, inside_of
from blendgan.rendering import latent_of
from blendgan.schedule import Schedule, Swap, Uniform, alpha_at
from stylegan2 import checkpoints, load_generator, store
from stylegan2.checkpoints.checkpoint import Checkpoint
from stylegan2.generator import Generator, truncate
from stylegan2.loading import sample_w
from stylegan2.memory import keep_freed_memory
from stylegan2.sites import NOISE_BUFFER, SYNTHESIS, Site, sites

HERE = Path(__file__).resolve().parent
PAGE, MARKS = HERE / "channels.md", ("<!-- figures: begin -->\n", "<!-- figures: end -->\n")
PAIR = ("portraits", "paintings")
BOXES: dict[str, Box] = {
    "eyes": (0.25, 0.35, 0.75, 0.52),
    "mouth": (0.33, 0.62, 0.67, 0.82),
    "corner": (0, 0, 0.3, 0.3),
}
SCHEDULES: dict[str, Schedule] = {"all layers": Uniform(1), "above 8 px": Swap(8, "high")}
SHARE = 0.2
SEEDS = tuple(range(100, 132))  # of the measured faces
SHOWN = 5  # of these, in the pictures
RANDOM_CHOICES = 8  # their mean is shown
Maps = dict[str, Tensor]  # by name, [N, C, H, W]


class Pair:
    """BASE and TRANSFER, and the faces that are measured."""

    def __init__(self) -> None:
        self.base, self.transfer = (checkpoints.load(store.resolve(name)) for name in PAIR)
        self.counts = map_counts(self.base.config)
        self.generators = [load_generator(model) for model in (self.base, self.transfer)]
        z = torch.cat([latent_of(seed, self.base.config.z_dim) for seed in SEEDS])
        self.ws = self.generators[0].mapping(z, truncation_psi=TRUNCATION_PSI)
        self.faces = self.generators[0].synthesis(self.ws)

    def blended(self, schedule: Schedule, chosen: Gains) -> Tensor:
        """The faces [N, 3, H, W] with these gains."""
        alphas = {name: _alpha(site, schedule, chosen) for name, site in sites(self.base.config).items()}
        tensors = combine(self.base.tensors, [Share("", self.transfer.tensors, alphas)])
        pictures: Tensor = load_generator(Checkpoint(self.base.config, tensors, {})).synthesis(self.ws)
        return pictures

    def change(self, schedule: Schedule, chosen: Gains) -> Tensor:
        """The mean absolute change of the faces at each pixel, [H, W]."""
        return (self.blended(schedule, chosen) - self.faces).abs().mean(dim=(0, 1))

    def random(self, seed: int) -> Gains:
        """As many channels, by lot."""
        draw = np.random.RandomState(seed)
        return {maps: leading(draw.rand(count).tolist(), SHARE) for maps, count in self.counts.items()}


def _alpha(site: Site, schedule: Schedule, chosen: Gains) -> float | Channelwise:
    if site.network != SYNTHESIS or site.role == NOISE_BUFFER or site.resolution is None or site.layer is None:
        return 0.0
    alpha, of_maps = alpha_at(schedule, site.resolution, site.layer), chosen[maps_of(site)]
    if site.channel_axis is None:
        return alpha * sum(of_maps) / len(of_maps)
    return Channelwise(site.channel_axis, tuple(alpha * gain for gain in of_maps))


def parts(change: Tensor, box: Box) -> tuple[float, float]:
    """The mean change inside the box and outside."""
    inside = inside_of(Region(box, SHARE))(*change.shape)
    return float((change * inside).sum() / inside.sum()), float((change * (1 - inside)).sum() / (1 - inside).sum())


def ratio(change: Tensor, box: Box) -> float:
    """Mean change inside over that outside."""
    inside, outside = parts(change, box)
    return inside / outside


# ---- other measures that could rank the channels -----------------------------------------------------------------


def activations(generator: Generator, ws: Tensor) -> Maps:
    """What the layers make of ws, when the network runs by itself."""
    found: Maps = {CONST_MAPS: generator.synthesis.get_parameter(CONST_MAPS).expand(len(ws), -1, -1, -1)}
    hooks = [
        layer.register_forward_hook(lambda _, inputs, output, name=name: found.update({name: output.clone()}))
        for name, layer in generator.synthesis.named_modules()
        if name.endswith((".conv0", ".conv1"))
    ]
    generator.synthesis(ws)
    for hook in hooks:
        hook.remove()
    return found


def by_ratio(fields: Mapping[str, Tensor], box: Box) -> Gains:
    """Rank by the mean of a field [C, H, W] inside the box over that outside."""
    return {maps: leading([ratio(channel, box) for channel in field], SHARE) for maps, field in fields.items()}


def measures(pair: Pair) -> dict[str, Callable[[Box], Gains]]:
    """Name → what chooses the channels for a box."""
    w = sample_w(pair.generators[0], SAMPLES, SEED)[:, None].repeat(1, pair.base.config.num_ws, 1)
    ws = truncate(w, pair.generators[0].mapping.w_avg, TRUNCATION_PSI)
    a, b = (activations(generator, ws) for generator in pair.generators)
    energy = {maps: a[maps].square().mean(dim=0) for maps in pair.counts}
    apart = {maps: (b[maps] - a[maps]).abs().mean(dim=0) for maps in pair.counts}
    return {
        "TRANSFER's layer on BASE's input, less BASE's (`region`)": lambda box: gains(
            Region(box, SHARE), pair.base, pair.transfer
        ),
        "the two networks' activations, each run by itself": lambda box: by_ratio(apart, box),
        "energy of BASE's activations": lambda box: by_ratio(energy, box),
    }


# ---- tables and pictures -----------------------------------------------------------------------------------------


def regions_table(pair: Pair) -> list[str]:
    """A row for each schedule and box: all channels, random ones, the region's."""
    rows = [
        "| layers | box | all channels | random 20 %: inside | outside | ratio "
        "| region's 20 %: inside | outside | ratio | against random |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    everything = {maps: (1.0,) * count for maps, count in pair.counts.items()}
    for layers, schedule in SCHEDULES.items():
        lots = torch.stack([pair.change(schedule, pair.random(i)) for i in range(RANDOM_CHOICES)])
        every = pair.change(schedule, everything)
        for name, box in BOXES.items():
            lot_in, lot_out = np.mean([parts(change, box) for change in lots], axis=0)
            inside, outside = parts(pair.change(schedule, gains(Region(box, SHARE), pair.base, pair.transfer)), box)
            by_lot, by_region = lot_in / lot_out, inside / outside
            rows.append(
                f"| {layers} | {name} | {ratio(every, box):.2f} | {lot_in:.3f} | {lot_out:.3f} | {by_lot:.2f} "
                f"| {inside:.3f} | {outside:.3f} | **{by_region:.2f}** | {by_region / by_lot:.1f} × |"
            )
    return rows


def measures_table(pair: Pair) -> list[str]:
    """A row for each measure: the ratio that its channels reach in each box, with TRANSFER at all layers."""
    rows = [f"| channels ranked by | {' | '.join(BOXES)} |", "|---|" + "---|" * len(BOXES)]
    for name, choose in measures(pair).items():
        found = [ratio(pair.change(Uniform(1), choose(box)), box) for box in BOXES.values()]
        rows.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in found)} |")
    lots = [
        [ratio(pair.change(Uniform(1), pair.random(i)), box) for box in BOXES.values()] for i in range(RANDOM_CHOICES)
    ]
    return [*rows, f"| chance | {' | '.join(f'{value:.2f}' for value in np.mean(lots, axis=0))} |"]


def picture(pair: Pair, box: Box) -> Image.Image:
    """BASE, the region's channels, random ones, and all; the last column is the mean change, white = strongest."""
    choices = {
        "box": gains(Region(box, SHARE), pair.base, pair.transfer),
        "random": pair.random(0),
        "all": {maps: (1.0,) * count for maps, count in pair.counts.items()},
    }
    rows = {"portraits": _cells(pair.faces, torch.zeros(pair.faces.shape[2:]), box)}
    for name, chosen in choices.items():
        rows[name] = _cells(pair.blended(Uniform(1), chosen), pair.change(Uniform(1), chosen), box)
    return grid(rows, columns=[*(f"seed {seed}" for seed in SEEDS[:SHOWN]), "change"])


def _cells(faces: Tensor, change: Tensor, box: Box) -> list[Image.Image]:
    heat = change / change.max().clamp(min=1e-6) * 2 - 1
    return [_framed(cell, box) for cell in to_pictures(torch.cat([faces[:SHOWN], heat.expand(1, 3, -1, -1)]))]


def _framed(cell: Image.Image, box: Box) -> Image.Image:
    cell = enlarge(cell, SMALLEST_CELL_PX)
    corners = [share * size for share, size in zip(box, cell.size * 2, strict=True)]
    ImageDraw.Draw(cell).rectangle(corners, outline=(255, 80, 0))
    return cell


def write_page(lines: Sequence[str]) -> None:
    """Put the tables between the page's marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    PAGE.write_text("".join([before, MARKS[0], "\n".join(["", *lines, "", ""]), MARKS[1], after]), encoding="utf-8")


@torch.inference_mode()
def main() -> None:
    """Write tables and pictures."""
    keep_freed_memory()
    pair = Pair()
    write_page(
        [*regions_table(pair), "", "The same ratio by what else could rank the channels:", "", *measures_table(pair)]
    )
    for name, box in BOXES.items():
        write_png(HERE / "pictures" / f"channels-{name}.png", picture(pair, box))


if __name__ == "__main__":
    main()
