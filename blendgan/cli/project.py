"""`blendgan project`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.progress import projection_bar
from blendgan.cli.projection_options import change_name, chosen_config, search_options, tune
from stylegan2.errors import InputError

if TYPE_CHECKING:
    import torch

    from blendgan.projection import Finder, Projection
    from projector.optimise import ProjectionStep
    from projector.tuning import TuningStep

EXAMPLE = """\b
Examples:
  blendgan project photo.jpg
  blendgan project photo.jpg --network ffhq.pkl --space w --steps 500 -o me.npz
  blendgan project photo.jpg --focus 0.8 --lbfgs 20 --video search.webp
  blendgan project photo.jpg --tune 60"""
FRAMES_PER_SECOND = 15  # of --video


@click.command(epilog=EXAMPLE)
@click.argument("photo", type=click.Path(path_type=Path))
@options.network
@search_options
@tune
@click.option("--faces", default="all", show_default=True, help="all, largest, or numbers from the left: 1,3.")
@click.option("--aligned", is_flag=True, help="The picture is an aligned face already; take it whole.")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: photo.npz beside the photo]"
)
@click.option(
    "--video", type=click.Path(dir_okay=False, path_type=Path), help="A film of the search: .mp4, .webp, .gif."
)
@options.seed
@options.device
@options.threads
@options.force
@options.quiet
@options.debug
def project(photo: Path, network: str, device: torch.device, **chosen: Any) -> None:
    """Find the latent of a photo's faces in a model: photo.npz, and photo.projected.png to compare."""
    from blendgan.projection import finder_of
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    out = _result_name(photo, chosen)
    finder = finder_of(network, chosen["encoder"], device)
    with projection_bar(photo.name, quiet=chosen["quiet"]) as watch:
        projection, film = _search(photo, finder, chosen, watch)
        written = _tune(projection, finder, out, chosen, watch)
    for path in (*written, *_write_film(film, projection, chosen["video"])):
        if not chosen["quiet"]:
            click.echo(path)


def _search(photo: Path, finder: Finder, chosen: dict[str, Any], watch: Callable[[ProjectionStep], None]) -> Any:
    """The projection, and the film where one is asked for."""
    from blendgan.faces import WHOLE, parse_selection
    from blendgan.projection import project_photo
    from blendgan.projection_film import ProjectionFilm

    film = ProjectionFilm(finder.generator) if chosen["video"] else None

    def see(step: ProjectionStep) -> None:
        watch(step)
        if film is not None:
            film.see(step)

    selection = WHOLE if chosen["aligned"] else parse_selection(chosen["faces"])
    return project_photo(photo, finder, selection, chosen_config(chosen, finder), see), film


def _tune(
    projection: Projection, finder: Finder, out: Path, chosen: dict[str, Any], watch: Callable[[TuningStep], None]
) -> list[Path]:
    """Tune, where that is asked for, and write what there is; returns the files."""
    from blendgan.images import write_png
    from blendgan.personal import tuned_projection
    from blendgan.projection import projection_sheet
    from projector.change_files import save_change
    from projector.latent import save_latent
    from projector.tuning import TuningConfig

    sheet, changed = out.with_suffix(".projected.png"), []
    save_latent(projection.latent, out, replace=True)
    if chosen["tune"]:
        projection, change = tuned_projection(projection, finder, TuningConfig(steps=chosen["tune"]), watch)
        save_change(change, finder.generator, change_name(out), replace=True)
        changed = [change_name(out)]
    write_png(sheet, projection_sheet(projection))
    return [out, sheet, *changed]


def _write_film(film: Any, projection: Projection, path: Path | None) -> list[Path]:
    from blendgan.video import write_video

    if film is None or path is None:
        return []
    write_video(path, film.frames(projection.faces), FRAMES_PER_SECOND)
    return [path]


def _result_name(photo: Path, chosen: dict[str, Any]) -> Path:
    """Check the names, and make the folder, before the work."""
    from blendgan.video import check_target

    name: Path = chosen["out"] or photo.parent / f"{photo.stem}.npz"
    if name.suffix.lower() != ".npz":
        raise InputError(f"{name}: found the ending {name.suffix!r}, expected .npz, the form that is written")
    for path in (name, *([change_name(name)] if chosen["tune"] else [])):
        if path.exists() and not chosen["force"]:
            raise InputError(f"{path}: is there already; replace it with --force, or choose another name with -o")
    if chosen["video"] is not None:
        check_target(chosen["video"])
    if chosen["out"] is not None:
        name.parent.mkdir(parents=True, exist_ok=True)
    return name
