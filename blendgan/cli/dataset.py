"""`blendgan dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blendgan.cli import options
from blendgan.cli.batch import EXIT_SOME_FAILED
from blendgan.cli.progress import counting_bar
from stylegan2.errors import InputError

if TYPE_CHECKING:
    from blendgan.datasets import Report
    from stylegan2.train.sources import PictureSource

EXAMPLE = """\b
Examples:
  blendgan dataset photos faces-128.zip --crop face --resolution 128 --min-native 96
  blendgan dataset flowers.zip flowers-64.zip --resolution 64 --labels folders
  blendgan dataset interview.mp4 me.zip --crop face --every 2"""

THRESHOLD = 28  # blendgan.duplicates.THRESHOLD, which a test compares: importing it would make --help slow
OFF = "off"


class Bits(click.IntRange):
    """A number of bits, or `off`."""

    name = "bits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse it."""
        return OFF if value == OFF else super().convert(value, param, ctx)


@click.command(epilog=EXAMPLE)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.zip")
@click.option("--resolution", type=int, default=256, show_default=True, help="Side of the pictures in px.")
@click.option(
    "--crop",
    type=click.Choice(["square", "face", "none"]),
    default="square",
    show_default=True,
    help="The middle square; every face, aligned; or the whole, which must be square.",
)
@click.option("--min-native", type=click.IntRange(min=1), default=1, metavar="PX",
              help="Leave out squares and faces that have fewer px in their source.")  # fmt: skip
@click.option("--labels", type=click.Choice(["keep", "folders", "none"]), default="keep", show_default=True,
              help="SOURCE's own, the names of its sub-folders, or none.")  # fmt: skip
@click.option("--duplicates", type=Bits(0, 127), default=THRESHOLD, show_default=True, metavar="BITS|off",
              help="Leave out what differs from another picture in so many bits of 256, or fewer.")  # fmt: skip
@click.option("--every", type=float, metavar="SECONDS", help="Of a video: time between pictures.  [default: 1]")
@click.option("--workers", type=click.IntRange(1, 64), help="Threads.  [default: the cores, at most 8]")
@options.force
@options.quiet
@options.debug
def dataset(source: Path, out: Path, force: bool, quiet: bool, **chosen: Any) -> None:
    """Make a data set for training: SOURCE, a folder, a zip or a video, into OUT.zip.

    Pictures that cannot be read are skipped and named (exit 3), and so is what a rule leaves out. OUT.zip holds an
    index of where each of its pictures is from.
    """
    from blendgan.cropping import Cropper
    from blendgan.datasets import make_dataset

    _check_out(out, source, force=force)
    pictures = _labelled(_opened(source, chosen["every"]), chosen["labels"])
    cropper = Cropper(chosen["crop"], chosen["resolution"], chosen["min_native"])
    bits = None if chosen["duplicates"] == OFF else chosen["duplicates"]
    with counting_bar(source.name, quiet=quiet) as watch:
        report = make_dataset(pictures, out, cropper, duplicates=bits, workers=chosen["workers"], watch=watch)
    _say(report, pictures, out, quiet=quiet)


def _check_out(out: Path, source: Path, *, force: bool) -> None:
    """Before any work."""
    if out.suffix.lower() != ".zip":
        raise InputError(f"{out}: found the ending {out.suffix!r}, expected .zip, the form that is written")
    if out.exists() and out.samefile(source):
        raise InputError(f"{out}: would be written over SOURCE, which is read; choose another name")
    if out.exists() and not force:
        raise InputError(f"{out}: is there already; replace it with --force, or choose another name")


def _opened(path: Path, every_s: float | None) -> PictureSource:
    from blendgan.frames import VideoFrames, is_video
    from stylegan2.train.sources import open_source

    if is_video(path):
        return VideoFrames(path, 1.0 if every_s is None else every_s)
    if every_s is not None:
        raise click.UsageError(f"--every is for videos, {path} is none; leave it out")
    return open_source(path)


def _labelled(pictures: PictureSource, labels: str) -> PictureSource:
    from stylegan2.train.sources import with_folder_labels, without_labels

    if labels == "folders":
        return with_folder_labels(pictures)
    return pictures if labels == "keep" else without_labels(pictures)


def _say(report: Report, pictures: PictureSource, out: Path, *, quiet: bool) -> None:
    """Failures are said even to who wants quiet; then the exit code says that there were some."""
    for one in report.failed if quiet else report.left_out:
        click.echo(f"blendgan: {one.name}: {one.reason}", err=True)
    if not quiet:
        for remark in pictures.remarks:
            click.echo(f"blendgan: {remark}", err=True)
        click.echo(f"{out}\n{len(report.entries)} pictures, {len(report.left_out)} left out")
    if report.failed:
        click.echo(f"blendgan: {len(report.failed)} of {len(pictures.names)} inputs failed", err=True)
        click.get_current_context().exit(EXIT_SOME_FAILED)
