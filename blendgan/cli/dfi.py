"""`blendgan dfi`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.dfi_options import dfi_options

if TYPE_CHECKING:
    import torch

    from blendgan.dfi.editing import Edit
    from blendgan.dfi.runs import Order, Run

EXAMPLES = """\b
Examples:
  blendgan dfi --source plain --target glasses photo.jpg
  blendgan dfi --source neutral.txt --target smile.txt --pictures faces photo.jpg --alpha 0.5
  blendgan dfi --source neutral.txt --target smile.txt --mask mouth photo.jpg
  blendgan dfi --source shaved --target bearded --source plain --target glasses photo.jpg --alpha .4 --alpha .3
  blendgan dfi --inpaint --target faces --mask hole.png --aligned crop.png"""


@click.command(epilog=EXAMPLES)
@click.argument("photo", type=click.Path(path_type=Path))
@dfi_options
@options.device
@options.threads
@options.quiet
@options.no_metadata
@options.debug
def dfi(
    photo: Path,
    network: str,
    device: torch.device,
    out: Path | None,
    strip: bool,
    quiet: bool,
    no_metadata: bool,
    **chosen: Any,
) -> None:
    """Change what a photo shows by deep feature interpolation: toward --target, away from --source.

    Writes photo.dfi.png. Faces are found, aligned, edited and put back; the sets are to be aligned in the same way
    (for faces, as the crops of `blendgan dataset`).
    """
    from blendgan.dfi.features import open_features
    from blendgan.dfi.runs import prepare
    from stylegan2.memory import keep_freed_memory

    keep_freed_memory()
    order = _order(**chosen)
    run = prepare(photo, open_features(network, device), order, out)
    _go_through(run, quiet=quiet)
    written = run.write(run.out.with_suffix(".strip.png") if strip else None, with_metadata=not no_metadata)
    _tell(run, written, quiet=quiet)


def _order(
    *, faces: str, aligned: bool, mask: str | None, size_px: int | None, likes: tuple[Path, ...], **chosen: Any
) -> Order:
    """Read all that was asked for."""
    from blendgan.dfi.editing import Settings
    from blendgan.dfi.reverse import Solver
    from blendgan.dfi.runs import Order
    from blendgan.dfi.sets import read_set
    from blendgan.faces import WHOLE, parse_selection
    from blendgan.masks import load_mask

    if aligned and options.is_given("faces"):
        raise click.UsageError("--faces and --aligned exclude each other: an aligned picture is taken whole")
    settings = Settings(
        chosen["neighbours"],
        tuple(read_set(like, chosen["pictures"]) for like in likes),
        Solver(chosen["steps"], chosen["variation"]),
        not chosen["no_colour_match"],
        not chosen["keep_artefacts"],
    )
    selection = WHOLE if aligned else parse_selection(faces)
    return Order(_edits(**chosen), settings, selection, None if mask is None else load_mask(mask), size_px)


def _edits(
    *,
    sources: tuple[Path, ...],
    targets: tuple[Path, ...],
    alphas: tuple[float, ...],
    pictures: Path | None,
    unit: str | None,
    inpaint: bool,
    **_: Any,
) -> tuple[Edit, ...]:
    from blendgan.dfi.orders import edits_in_turn, filling

    if not inpaint:
        return edits_in_turn(sources, targets, alphas, pictures, unit or "photo")
    if sources:
        raise click.UsageError(
            "--inpaint takes no --source: the pictures of --target are seen with the hole and without"
        )
    return filling(targets, alphas, pictures, unit or "sets")


def _go_through(run: Run, *, quiet: bool) -> None:
    """Do the work under a bar that begins anew for every part of it; what is to be feared is said before."""
    from blendgan.cli.progress import counting_bar

    for doubt in [] if quiet else run.doubts():
        click.echo(f"blendgan: {doubt}", err=True)
    with counting_bar(run.photo_file.name, quiet=quiet) as show:
        for progress in run.events():
            show(progress.event.index, progress.event.total)


def _tell(run: Run, written: list[Path], *, quiet: bool) -> None:
    """What was found, to stderr: results alone go to stdout."""
    if quiet:
        return
    click.echo("\n".join([f"features: {run.features.name}", *run.findings()]), err=True)
    click.echo("\n".join(map(str, written)))
