"""`blendgan generate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.progress import with_bar

if TYPE_CHECKING:
    import torch

EXAMPLE = """\b
Examples:
  blendgan generate --seeds 0-15 --trunc 0.7 --outdir out
  blendgan generate --network blend.safetensors --seeds 7,42
  blendgan generate --network blend.safetensors --latent photo.npz"""


@click.command(epilog=EXAMPLE)
@options.network
@options.seeds
@options.trunc
@options.class_index
@options.noise_mode
@click.option("--latent", type=click.Path(path_type=Path), help="Draw the faces of this latent file instead of seeds.")
@options.outdir
@options.device
@options.threads
@options.precision
@options.quiet
@options.no_metadata
@options.debug
def generate(
    network: str,
    seeds: tuple[int, ...],
    truncation_psi: float,
    class_index: int | None,
    noise_mode: str,
    latent: Path | None,
    outdir: Path,
    device: torch.device,
    precision: str,
    quiet: bool,
    no_metadata: bool,
) -> None:
    """Draw one picture for each seed, as seed0042.png; a seed gives the same picture in any company.

    With --latent, one for each face of the file, as photo.face1.png; the model must be of the latent's family.
    """
    from blendgan.generation import Drawing
    from blendgan.generation import generate as draw
    from blendgan.images import to_pictures, write_png

    if latent is not None:
        for path in _draw_latent(network, latent, outdir, device):
            if not quiet:
                click.echo(path)
        return
    drawing = Drawing(network, seeds, truncation_psi, class_index, noise_mode, precision)
    for picture in with_bar(draw(drawing, device), "generate", total=len(seeds), quiet=quiet):
        path = outdir / picture.filename
        write_png(path, to_pictures(picture.image)[0], None if no_metadata else picture.metadata)
        if not quiet:
            click.echo(path)


def _draw_latent(network: str, latent: Path, outdir: Path, device: torch.device) -> list[Path]:
    from blendgan.images import to_pictures, write_png
    from blendgan.projection import draw
    from projector.latent import load_latent
    from stylegan2.loading import load_generator

    pictures = to_pictures(draw(load_generator(network).to(device), load_latent(latent)))
    paths = [outdir / f"{latent.stem}.face{i + 1}.png" for i in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        write_png(path, picture)
    return paths
