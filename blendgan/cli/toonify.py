"""`blendgan toonify`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.batch import for_each
from blendgan.cli.masks import chosen_masking, mask_options
from blendgan.cli.progress import projection_bar
from blendgan.cli.recipes import given_recipe, opened, recipe_options
from blendgan.cli.schedules import SHIPPED_PAIR

if TYPE_CHECKING:
    import torch

    from blendgan.toonification import Studio, Toon, ToonSettings

EXAMPLE = """\b
Examples:
  blendgan toonify photo.jpg
  blendgan toonify photo.jpg --swap-res 8 --transfer-gives high --faces largest -o toon.png
  blendgan toonify photo.jpg --recipe mine.yaml
  blendgan toonify photo.jpg --mask eyes
  blendgan toonify *.jpg --outdir toons"""


@click.command(epilog=EXAMPLE)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--base", default=SHIPPED_PAIR[0], show_default=True, metavar="MODEL", help="The model of photographs.")
@click.option(
    "--transfer", default=SHIPPED_PAIR[1], show_default=True, metavar="MODEL", help="The one trained from it."
)
@recipe_options
@mask_options
@click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3.")
@click.option("--aligned", is_flag=True, help="The picture is an aligned face already; take it whole.")
@click.option("--paste", type=click.Choice(["change", "face"]), default="change", show_default=True,
              help="Add the change to the photo, or paste the rendered face.")  # fmt: skip
@click.option("--steps", type=click.IntRange(min=1), help="Steps of the projection. [default: as tuned]")
@click.option("-o", "--out", type=options.PngFile(), help="The result's name, for one photo.")
@click.option(
    "--outdir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results. [default: beside the photo]",
)
@options.device
@options.threads
@options.force
@options.quiet
@options.no_metadata
@options.debug
def toonify(photos: tuple[Path, ...], base: str, transfer: str, device: torch.device, **chosen: Any) -> None:
    """Redraw every face of a photo by a blend of two models; without models, the shipped pair.

    Writes photo.toon.png, photo.toon.strip.png (aligned | projected | toonified) and photo.toon.npz (the latents).
    """
    from blendgan.toonification import studio_of
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    if chosen["out"] is not None and len(photos) > 1:
        raise click.UsageError(f"-o names one result, {len(photos)} photos are given; use --outdir")
    _refuse_lost_files(photos, (base, transfer, chosen["recipe_file"], chosen["mask"]), chosen)
    settings = _settings(chosen)
    sources, recipe = opened(_named_models(base, transfer), given_recipe(chosen))
    masking = chosen_masking(chosen["mask"], chosen["mask_from"])
    studio = studio_of(sources, recipe, device, masking)
    for_each(photos, lambda photo: _redraw(studio, photo, settings, chosen))


def _named_models(base: str, transfer: str) -> tuple[str, ...]:
    """The models of the command line; none where it names none, so that a recipe's own count."""
    is_said = any(options.is_given(name) for name in ("base", "transfer"))
    return (base, transfer) if is_said else ()


def _refuse_lost_files(photos: tuple[Path, ...], inputs: Sequence[str | Path | None], chosen: dict[str, Any]) -> None:
    """Before any work: no result may take the place of an input, nor of another photo's result."""
    read = {Path(one).resolve(): one for one in (*photos, *inputs) if one is not None}
    photo_of: dict[Path, Path] = {}
    for photo in photos:
        for written in _results(_result_name(photo, chosen["out"], chosen["outdir"])):
            if written.resolve() in read:
                raise click.UsageError(
                    f"{written}: would be written over {read[written.resolve()]}, which is read; choose another name "
                    "with -o or --outdir"
                )
            other = photo_of.setdefault(written.resolve(), photo)
            if other is not photo:
                raise click.UsageError(
                    f"{other} and {photo} would both be written to {written}; rename one, or run twice"
                )


def _results(picture: Path) -> tuple[Path, Path, Path]:
    """The redrawn photo, the strip of its steps, the latents."""
    return picture, picture.with_suffix(".strip.png"), picture.with_suffix(".npz")


def _settings(chosen: dict[str, Any]) -> ToonSettings:
    from blendgan.faces import WHOLE, parse_selection
    from blendgan.toonification import ToonSettings
    from projector.optimise import ProjectionConfig

    selection = WHOLE if chosen["aligned"] else parse_selection(chosen["faces"])
    projection = ProjectionConfig(steps=chosen["steps"]) if chosen["steps"] else ProjectionConfig()
    return ToonSettings(selection, chosen["paste"], projection)


def _redraw(studio: Studio, photo: Path, settings: ToonSettings, chosen: dict[str, Any]) -> None:
    """One photo, from file to files."""
    from blendgan.toonification import toonify_photo

    picture = _result_name(photo, chosen["out"], chosen["outdir"])
    with projection_bar(photo.name, quiet=chosen["quiet"]) as watch:
        toon = toonify_photo(studio, photo, settings, watch)
    for path in _write(toon, picture, force=chosen["force"], with_metadata=not chosen["no_metadata"]):
        if not chosen["quiet"]:
            click.echo(path)


def _result_name(photo: Path, out: Path | None, outdir: Path | None) -> Path:
    if out is not None:
        return out if outdir is None else outdir / out.name
    return (outdir or photo.parent) / f"{photo.stem}.toon.png"


def _write(toon: Toon, picture: Path, *, force: bool, with_metadata: bool) -> list[Path]:
    from blendgan.images import write_png
    from blendgan.papers import text_of
    from blendgan.toonification import papers_of
    from projector.latent import save_latent

    metadata = text_of(papers_of(toon)) if with_metadata else None
    picture, strip, latent = _results(picture)
    picture.parent.mkdir(parents=True, exist_ok=True)
    save_latent(toon.latents, latent, replace=force)  # first, since it alone may be refused
    write_png(picture, toon.image, metadata, toon.profile if with_metadata else None)
    write_png(strip, toon.strip(), metadata)
    return [picture, strip, latent]
