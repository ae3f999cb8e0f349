"""Two StyleGAN2 models as a case of DNI: all tensors mixed by one α, against the mean of their pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import fmean, median

import torch
from PIL import Image
from torch import Tensor

from benchmarks.pages import Study, markdown
from blendgan.dni import correlation
from blendgan.dni.blends import mix, write
from blendgan.dni.network_files import open_network
from blendgan.images import grid, to_pictures
from blendgan.rendering import latent_of
from projector.detection import detect
from stylegan2 import checkpoints, load_discriminator, load_generator
from stylegan2.discriminator import Discriminator
from stylegan2.store import resolve

BASE, TRANSFER = "portraits", "paintings"
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
SEEDS = range(200, 264)
SHOWN = 4
PSI = 0.7


def study() -> Study:
    """Table and picture."""
    index = list(correlation(open_network(resolve(BASE)).tensors, open_network(resolve(TRANSFER)).tensors).values())
    drawn = {alpha: pictures(alpha) for alpha in ALPHAS}
    judges = [load_discriminator(name) for name in (BASE, TRANSFER)]
    rows = []
    for alpha in ALPHAS:
        pixels = torch.lerp(drawn[0.0], drawn[1.0], alpha)
        rows.append([f"{alpha:g}", *told(drawn[alpha], judges), *told(pixels, judges)])
    headings = (
        "α",
        "DNI: faces found",
        "D of BASE",
        "D of TRANSFER",
        "pixels: faces found",
        "D of BASE",
        "D of TRANSFER",
    )
    text = (
        f"`{BASE}` to `{TRANSFER}`: index {median(index):.3f} (least layer {min(index):.3f}); {len(SEEDS)} seeds, "
        f"psi {PSI}. "
        "Faces found by the detector (which knows photographs); mean logits of both models' discriminators, higher is "
        "more like what each was trained on:"
    )
    return Study(f"{text}\n\n{markdown(headings, rows)}", {"dni-generators.png": sheet(drawn)})


def pictures(alpha: float) -> Tensor:
    """Pictures [N, 3, H, W] of the network with this share of TRANSFER in all its tensors."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "between.safetensors"
        with path.open("wb") as file:
            write(file, mix([resolve(BASE), resolve(TRANSFER)], (1 - alpha, alpha)), path.suffix)
        generator = load_generator(checkpoints.load_bytes(path.read_bytes(), path.name))
    z = torch.cat([latent_of(seed, generator.config.z_dim) for seed in SEEDS])
    with torch.inference_mode():
        ws = generator.mapping(z, truncation_psi=PSI)
        return torch.cat([generator.synthesis(part) for part in ws.split(8)])


def told(drawn: Tensor, judges: list[Discriminator]) -> list[str]:
    """Faces that are found, and what both discriminators say."""
    faces = sum(bool(detect(picture.resize((256, 256)))) for picture in to_pictures(drawn))
    with torch.inference_mode():
        logits = [fmean(torch.cat([judge(part) for part in drawn.split(8)]).flatten().tolist()) for judge in judges]
    return [f"{faces} of {len(drawn)}", *(f"{value:+.2f}" for value in logits)]


def sheet(drawn: dict[float, Tensor]) -> Image.Image:
    """A few seeds from BASE to TRANSFER, by weights and by pixels."""
    rows = {}
    for i in range(SHOWN):
        rows[f"seed {SEEDS[i]}, weights"] = to_pictures(torch.cat([drawn[alpha][i : i + 1] for alpha in ALPHAS]))
        pixels = [torch.lerp(drawn[0.0][i : i + 1], drawn[1.0][i : i + 1], alpha) for alpha in ALPHAS]
        rows[f"seed {SEEDS[i]}, pixels"] = to_pictures(torch.cat(pixels))
    return grid(rows, [f"alpha {alpha:g}" for alpha in ALPHAS])
