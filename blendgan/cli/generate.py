"""`blendgan generate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blendgan.cli import options
from blendgan.cli.masks import chosen_masking, mask_options
from blendgan.cli.progress import with_bar

if TYPE_CHECKING:
    import torch

    from blendgan.generation import Blending, Drawing
    from blendgan.spatial import Masking

EXAMPLE = """\b
Examples:
  blendgan generate --seeds 0-15 --trunc 0.7 --outdir out
  blendgan generate --network blend.safetensors --seeds 7,42
  blendgan generate --network blend.safetensors --latent photo.npz
  blendgan generate --blend recipe.yaml --mask eyes --seeds 0-7"""
OF_SEEDS = {  # what says nothing of a latent, which has its own styles and noise
    "seeds": "--seeds", "truncation_psi": "--trunc", "class_index": "--class", "noise_mode": "--noise-mode",
    "precision": "--precision",
}  # fmt: skip


@click.command(epilog=EXAMPLE)
@options.network
@click.option(
    "--blend",
    type=click.Path(),
    metavar="RECIPE",
    help="Instead of a network: the blend of a recipe (YAML, a file's or the text itself, '{schedule: swap-res 8}'), "
    "or of the one in a model or picture.",
)
@mask_options
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
    blend: str | None,
    mask: str | None,
    mask_from: int | None,
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

    With --latent, one for each face of the file, as photo.face1.png; the model must be of the latent's family. With
    --mask the picture is the blend's where the mask is white, and BASE's where it is black.
    """
    from blendgan.generation import Drawing

    if latent is not None and (extra := [option for name, option in OF_SEEDS.items() if options.is_given(name)]):
        raise click.UsageError(f"--latent draws its faces as they were found; leave out {', '.join(extra)}")
    model = _model(network, blend, chosen_masking(mask, mask_from))
    if latent is not None:
        paths: Iterable[Path] = _draw_latent(model, latent, outdir, device, with_metadata=not no_metadata)
    else:
        drawing = Drawing(model, seeds, truncation_psi, class_index, noise_mode, precision)
        paths = _draw_seeds(drawing, outdir, device, quiet=quiet, with_metadata=not no_metadata)
    for path in paths:
        if not quiet:
            click.echo(path)


def _draw_seeds(
    drawing: Drawing, outdir: Path, device: torch.device, *, quiet: bool, with_metadata: bool
) -> Iterator[Path]:
    """Yield the path of each picture once it is written."""
    from blendgan.devices import require_precision
    from blendgan.generation import generate as draw
    from blendgan.images import to_pictures, write_png
    from stylegan2.memory import keep_freed_memory

    require_precision(drawing.precision, device)
    if len(drawing.seeds) > 1:  # one picture alone takes less memory without
        keep_freed_memory()
    for picture in with_bar(draw(drawing, device), "generate", total=len(drawing.seeds), quiet=quiet):
        path = outdir / picture.filename
        write_png(path, to_pictures(picture.image)[0], picture.metadata if with_metadata else None)
        yield path


def _model(network: str, blend: str | None, masking: Masking | None) -> str | Blending:
    """What draws: one network, or the blend of a recipe, with a mask or without."""
    from blendgan.cli.recipes import Given, opened
    from blendgan.generation import Blending

    if blend is None:
        if masking is not None:
            raise click.UsageError("--mask goes with --blend: it mixes BASE and a blend of it")
        return network
    if options.is_given("network"):
        raise click.UsageError("--network and --blend are given; choose one")
    sources, recipe = opened((), Given(blend, {}))
    return Blending(sources, recipe, masking)


def _draw_latent(
    model: str | Blending, latent: Path, outdir: Path, device: torch.device, *, with_metadata: bool
) -> list[Path]:
    from blendgan.generation import open_generator
    from blendgan.images import to_pictures, write_png
    from blendgan.papers import text_of
    from blendgan.projection import draw
    from projector.latent import load_latent

    generator, said = open_generator(model)
    paths = []
    for i, picture in enumerate(to_pictures(draw(generator.to(device), load_latent(latent)))):
        paths.append(outdir / f"{latent.stem}.face{i + 1}.png")
        text = text_of(said | {"latent": latent.name, "face": i + 1})
        write_png(paths[-1], picture, text if with_metadata else None)
    return paths
